import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a server and can stop carrying anything, as a machine that hangs does: connections stay open. */
export interface PausableProxy extends AsyncDisposable {
  /** The URL that it was made for, by way of the proxy. */
  readonly url: string
  pause(): void
  resume(): void
}

export const startPausableProxy = async (target: string): Promise<PausableProxy> => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let isPaused = false
  const note = (socket: Socket, other: Socket) => {
    sockets.add(socket)
    socket.on('data', (data) => other.write(data))
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    if (isPaused) socket.pause()
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    note(client, upstream)
    note(upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    pause() {
      isPaused = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      isPaused = false
      for (const socket of sockets) socket.resume()
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
