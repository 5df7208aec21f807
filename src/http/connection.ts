import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { CloseCode, type Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import { withLogContext } from '../domain/shared/log-context.ts'
import type { Logger } from '../domain/shared/services.ts'

/** What a connection carries for its operations. */
export interface Extra {
  readonly socket: WebSocket
  readonly request: IncomingMessage
}

export interface ConnectionOptions {
  readonly protocol: Server<Extra>
  readonly log: Logger
  readonly pingMs: number
  /** Closes it with why. */
  readonly refuse: (socket: WebSocket, code: number, reason: string) => void
  /** Called with every sign of life that is asked for. */
  readonly onTick: () => void
}

const maxReasonBytes = 123
// Far more than an answer: whoever is only slow has read some of it by then.
export const maxUnreadBytes = 32 * 1024 * 1024
// A pong repeats it, also to those who have not said who they are.
const maxPongCharacters = 1_024

/** A reason may repeat what a client sent, of any length. */
const fitting = (reason: string): string =>
  Buffer.byteLength(reason) > maxReasonBytes ? reason.slice(0, maxReasonBytes / 3) : reason

const clientMessages: readonly unknown[] = ['connection_init', 'ping', 'pong', 'subscribe', 'complete']

/** Whether a message is one that only a server sends. It was parsed before, so that it can be parsed. */
const isServerMessage = (text: string): boolean => !clientMessages.includes(JSON.parse(text).type)

/** Joins one WebSocket to the graphql-transport-ws protocol, and ends it when nobody is there any more. */
export const serveConnection = (
  socket: WebSocket,
  request: IncomingMessage,
  { protocol, log, pingMs, refuse, onTick }: ConnectionOptions,
): void => {
  const fail = (error: unknown, text: string) => {
    if (isServerMessage(text)) return refuse(socket, CloseCode.BadRequest, 'Only a server sends this message.')
    log.error({ error }, 'a message on a WebSocket was not answered')
    socket.close(CloseCode.InternalServerError, 'Unexpected error.')
  }
  const send = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (socket.readyState !== socket.OPEN) return resolve()
      // Whoever asks and does not read would have it all kept here.
      if (socket.bufferedAmount > maxUnreadBytes) {
        socket.terminate()
        return resolve()
      }
      socket.send(text, (error) => (error ? reject(error) : resolve()))
    })
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send,
      async onPing(payload) {
        const pong = JSON.stringify({ type: 'pong', payload })
        if (pong.length > maxPongCharacters) refuse(socket, CloseCode.BadRequest, 'A ping has no such payload.')
        else await send(pong)
      },
      close: (code = CloseCode.InternalServerError, reason = '') => refuse(socket, code, fitting(reason)),
      onMessage(handle) {
        socket.on('message', (data) => {
          const text = String(data)
          // Each message is a request of its own.
          withLogContext({ requestId: randomUUID() }, () => handle(text).catch((error: unknown) => fail(error, text)))
        })
      },
    },
    { socket, request },
  )

  let isAnswered = true
  socket.on('pong', () => {
    isAnswered = true
  })
  const timer = setInterval(() => {
    if (!isAnswered) return socket.terminate()
    isAnswered = false
    if (socket.readyState === socket.OPEN) socket.ping()
    onTick()
  }, pingMs)

  // Frames that break the protocol, or are too large: ws closes the connection with the code for it.
  socket.on('error', (error) => log.debug({ error }, 'a WebSocket broke off'))
  socket.once('close', (code, reason) => {
    clearInterval(timer)
    Promise.resolve(closed(code, String(reason))).catch((error: unknown) =>
      log.warn({ error }, 'a WebSocket was not put away'),
    )
  })
}
