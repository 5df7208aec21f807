import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Closes with their socket also those responses that never had their turn on it: whoever sends several requests at once
 * and leaves during the first would otherwise keep what the others have taken. Node 24 tells those of their end by itself, and
 * Node 20 does not.
 */
export const closeQueued = (server: Server): void => {
  const responses = new WeakMap<Socket, Set<ServerResponse>>()
  server.on('connection', (socket) => {
    const ofSocket = new Set<ServerResponse>()
    responses.set(socket, ofSocket)
    socket.once('close', () => {
      for (const response of ofSocket) {
        // Node closes the one whose turn it is.
        if (response.socket || response.closed) continue
        response.destroy()
        response.emit('close')
      }
    })
  })
  server.prependListener('request', ({ socket }, response) => {
    const ofSocket = responses.get(socket)
    ofSocket?.add(response)
    response.once('close', () => ofSocket?.delete(response))
  })
}
