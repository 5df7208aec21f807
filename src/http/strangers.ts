import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import type { WebSocketLimits } from './limits.ts'
import { createQuota } from './quota.ts'
import type { Refusal } from './respond.ts'

export interface StrangersOptions {
  readonly limits: Pick<WebSocketLimits, 'maxStrangers' | 'maxStrangersPerAddress' | 'maxStrangerBytes'>
  readonly addressOf: (request: IncomingMessage) => string
  /** Closes a connection on which too much has come. */
  readonly refuse: (socket: WebSocket) => void
}

/** Connections whose other end has not yet been told that it is let in: anybody may open them. */
export interface Strangers {
  /** Before there is a WebSocket. @returns whether there may be another one from where this request comes */
  take(request: IncomingMessage): boolean
  /** Listens for how much comes on the WebSocket of a request that was taken. */
  watch(socket: WebSocket, request: IncomingMessage): void
  /** From now on it is a stranger's no more. */
  know(socket: WebSocket): void
}

const closeGraceMs = 2_000

// Before there is a WebSocket, so that there is nothing to keep of it. Clients try again.
export const tooManyStrangers = {
  status: 429,
  code: 'TOO_MANY_CONNECTIONS',
  message: 'Too many connections that have not said who they are are open, here or from your address.',
  headers: { 'retry-after': '1' },
} satisfies Refusal

export const createStrangers = ({ limits, addressOf, refuse }: StrangersOptions): Strangers => {
  const open = createQuota<string>(limits.maxStrangersPerAddress, limits.maxStrangers)
  const leaving = new WeakMap<IncomingMessage, () => void>()
  const known = new WeakMap<WebSocket, () => void>()
  return {
    take(request) {
      const leave = request.socket.destroyed ? undefined : open.take(addressOf(request))
      if (!leave) return false
      leaving.set(request, leave)
      request.socket.once('close', leave)
      return true
    },
    watch(socket, request) {
      const { socket: connection } = request
      let bytes = 0
      // Before the WebSocket, which tells of whole messages: each could be as long as those of who is known.
      const count = (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= limits.maxStrangerBytes) return
        connection.off('data', count)
        refuse(socket)
        socket.pause()
        connection.end()
      }
      // Whoever does not close their side keeps their place, and could go on to send.
      const timer = setInterval(() => {
        if (socket.readyState === socket.CLOSING) socket.terminate()
      }, closeGraceMs)
      const end = () => {
        connection.off('data', count)
        clearInterval(timer)
        leaving.get(request)?.()
      }
      connection.prependListener('data', count)
      socket.once('close', end)
      known.set(socket, end)
    },
    know: (socket) => known.get(socket)?.(),
  }
}
