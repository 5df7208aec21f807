import type { Server } from 'node:http'
import type { GraphQLError } from 'graphql'
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws'
import { WebSocketServer } from 'ws'
import type { AccessWatch, LostAccess } from '../domain/actor/access-watch.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { Measure } from '../domain/ports/measure.ts'
import type { Logger } from '../domain/shared/services.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { callerAddress } from './caller-address.ts'
import type { ToClientError } from './client-errors.ts'
import { type Extra, serveConnection } from './connection.ts'
import { foreignPage, isFromForeignPage } from './foreign-page.ts'
import type { GraphQLServer } from './graphql-server.ts'
import { maxBodyBytes, type WebSocketLimits } from './limits.ts'
import type { PersistedOperations } from './persisted-operations.ts'
import { lostAccessWords } from './plugins.ts'
import type { Quota } from './quota.ts'
import type { SignIn } from './sign-in.ts'
import { executeEnveloped, operationsOfSockets, type SocketContext, subscribeEnveloped } from './socket-operation.ts'
import { createStrangers, tooManyStrangers } from './strangers.ts'
import { tooManyConnections } from './subscription-streams.ts'

export interface WebSocketOptions {
  readonly yoga: GraphQLServer
  readonly signIn: SignIn
  readonly persisted: PersistedOperations
  readonly contextOf: (viewer: Viewer) => GraphQLContext
  readonly toClientError: ToClientError
  readonly limits: WebSocketLimits
  /** Those that each token keeps. */
  readonly connections: Quota<string>
  /** How many proxies stand before this server. */
  readonly trustedProxies: number
  readonly corsOrigins: readonly string[]
  readonly access: AccessWatch
  readonly measure: Pick<Measure, 'socketOpened' | 'refused'>
  readonly log: Logger
}

export interface ServedWebSockets {
  /** Takes no more connections, and ends those that there are with 1001: clients connect again. */
  close(): Promise<void>
}

const closeGraceMs = 2_000

// Beside those of graphql-ws. 4403 is final for clients; after each of the others they may connect again.
const closeCodes = { goingAway: 1001, tooMuch: 1009, tryAgainLater: 1013, narrowed: 4420, idle: 4421 } as const
const lostAccessCodes: Readonly<Record<LostAccess, number>> = {
  SIGNED_OUT: CloseCode.Forbidden,
  NARROWED: closeCodes.narrowed,
}

/** A connection that said who it is. */
interface Admitted {
  readonly context: SocketContext
  /** When it last had an operation. */
  busyAt: number
}

/** Serves operations over WebSocket by the graphql-transport-ws protocol, for those whose token is in connectionParams. */
export const serveWebSockets = (server: Server, options: WebSocketOptions): ServedWebSockets => {
  const { signIn, toClientError, limits, connections, trustedProxies, corsOrigins, access, measure, log } = options
  /** What is meant for HTTP is left out. */
  const shown = (error: GraphQLError) => {
    const { extensions, ...told } = toClientError(error).toJSON()
    const { http, unexpected, ...said } = extensions ?? {}
    return { ...told, ...(Object.keys(said).length > 0 && { extensions: said }) }
  }
  const admitted = new WeakMap<Extra['socket'], Admitted>()

  const whoAsks = ({ connectionParams, extra }: SocketContext) =>
    signIn(extra.request, connectionParams?.authorization ?? connectionParams?.Authorization)

  const prepare = operationsOfSockets({ ...options, whoAsks, maxOperations: limits.maxOperations })

  const refuse = (socket: Extra['socket'], code: number, reason: string): void => {
    if (socket.readyState === socket.OPEN) measure.refused(`WEBSOCKET_${code}`)
    socket.close(code, reason)
  }
  const strangers = createStrangers({
    limits,
    addressOf: (request) => callerAddress(request, trustedProxies),
    refuse: (socket) => refuse(socket, closeCodes.tooMuch, 'Say who is there before you send so much.'),
  })

  /** Lets a connection in, for as long as its viewer may do what they may now. */
  const admit = async (context: SocketContext): Promise<boolean> => {
    const { socket } = context.extra
    const { viewer, refusal } = await whoAsks(context)
    if (refusal) {
      if (refusal.status === 429) refuse(socket, closeCodes.tryAgainLater, refusal.message)
      return false
    }
    const leave = connections.take(viewer.tokenId)
    if (!leave) {
      refuse(socket, closeCodes.tryAgainLater, tooManyConnections(limits.maxPerToken).message)
      return false
    }
    if (socket.readyState !== socket.OPEN) {
      leave()
      return false
    }
    socket.once('close', leave)
    admitted.set(socket, { context, busyAt: performance.now() })
    const stop = await access.watch(viewer, (why) => socket.close(lostAccessCodes[why], lostAccessWords[why]))
    if (socket.readyState === socket.OPEN) socket.once('close', stop)
    else stop()
    strangers.know(socket)
    return true
  }

  /** Ends a connection that nothing was asked on for long. */
  const endIdle = (socket: Extra['socket']): void => {
    const open = admitted.get(socket)
    if (!open) return
    if (Object.keys(open.context.subscriptions).length > 0) open.busyAt = performance.now()
    else if (performance.now() - open.busyAt >= limits.idleMs) {
      socket.close(closeCodes.idle, `There was no operation for ${limits.idleMs / 1_000} s.`)
    }
  }

  const protocol = makeServer<Record<string, unknown> | undefined, Extra>({
    connectionInitWaitTimeout: limits.initMs,
    execute: executeEnveloped,
    subscribe: subscribeEnveloped,
    // 4403: the token is missing, unknown, expired or revoked.
    onConnect: (context) =>
      admit(context).catch((error: unknown) => {
        // Thrown, it would be told to the client as the reason.
        context.extra.socket.close(CloseCode.InternalServerError, toClientError(error).message)
        return false
      }),
    onSubscribe(socket, id, params) {
      const open = admitted.get(socket.extra.socket)
      if (open) open.busyAt = performance.now()
      // What is thrown here would close the connection, and with it every other operation on it.
      return prepare(socket, id, params).catch((error: unknown) => [toClientError(error)])
    },
    onError: (_socket, _id, _params, errors) => errors.map(shown),
    onNext: (_socket, _id, _params, _args, result) =>
      'errors' in result && result.errors ? ({ ...result, errors: result.errors.map(shown) } as never) : undefined,
  })

  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: maxBodyBytes,
    handleProtocols,
    verifyClient: ({ req }, answer) => {
      if (isFromForeignPage(req, corsOrigins)) return answer(false, foreignPage.status, foreignPage.message)
      if (strangers.take(req)) return answer(true)
      measure.refused(tooManyStrangers.code)
      answer(false, tooManyStrangers.status, tooManyStrangers.message, tooManyStrangers.headers)
    },
  })
  sockets.on('connection', (socket, request) => {
    socket.once('close', measure.socketOpened())
    strangers.watch(socket, request)
    serveConnection(socket, request, { protocol, log, pingMs: limits.pingMs, refuse, onTick: () => endIdle(socket) })
  })

  const close = async (): Promise<void> => {
    for (const socket of sockets.clients) socket.close(closeCodes.goingAway, 'Going away')
    // One that does not answer, since its client is paused or gone, would be waited for.
    const timer = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate()
    }, closeGraceMs)
    await new Promise<void>((resolve) => sockets.close(() => resolve()))
    clearTimeout(timer)
  }
  let closing: Promise<void> | undefined
  return {
    close() {
      closing ??= close()
      return closing
    },
  }
}
