import type { Server } from 'node:http'
import { type ExecutionArgs, GraphQLError } from 'graphql'
import { CloseCode, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws'
import { WebSocketServer } from 'ws'
import type { AccessWatch, LostAccess } from '../domain/actor/access-watch.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { Measure } from '../domain/ports/measure.ts'
import type { Logger } from '../domain/shared/services.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { refusalError, type ToClientError } from './client-errors.ts'
import { type Extra, serveConnection } from './connection.ts'
import { foreignPage, isFromForeignPage } from './foreign-page.ts'
import type { GraphQLServer } from './graphql-server.ts'
import type { WebSocketLimits } from './limits.ts'
import type { PersistedOperations } from './persisted-operations.ts'
import { lostAccessWords } from './plugins.ts'
import type { SignIn } from './sign-in.ts'
import { executeEnveloped, executionOf, type SocketContext, subscribeEnveloped } from './socket-operation.ts'

export interface WebSocketOptions {
  readonly yoga: GraphQLServer
  readonly signIn: SignIn
  readonly persisted: PersistedOperations
  readonly contextOf: (viewer: Viewer) => GraphQLContext
  readonly toClientError: ToClientError
  readonly maxMessageBytes: number
  readonly limits: WebSocketLimits
  readonly corsOrigins: readonly string[]
  readonly access: AccessWatch
  readonly measure: Pick<Measure, 'socketOpened'>
  readonly log: Logger
}

export interface ServedWebSockets {
  /** Takes no more connections, and ends those that there are with 1001: clients connect again. */
  close(): Promise<void>
}

const closeGraceMs = 2_000

// Beside those of graphql-ws. 4403 is final for clients; after each of the others they may connect again.
const closeCodes = { goingAway: 1001, tryAgainLater: 1013, narrowed: 4420, idle: 4421 } as const
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

/** Counts each token's connections. */
const createConnectionCount = () => {
  const counts = new Map<string, number>()
  return {
    of: (tokenId: string): number => counts.get(tokenId) ?? 0,
    add(tokenId: string, by: 1 | -1): void {
      const count = (counts.get(tokenId) ?? 0) + by
      if (count === 0) counts.delete(tokenId)
      else counts.set(tokenId, count)
    },
  }
}

/** Serves operations over WebSocket by the graphql-transport-ws protocol, for those whose token is in connectionParams. */
export const serveWebSockets = (server: Server, options: WebSocketOptions): ServedWebSockets => {
  const {
    yoga,
    signIn,
    persisted,
    contextOf,
    toClientError,
    maxMessageBytes,
    limits,
    corsOrigins,
    access,
    measure,
    log,
  } = options
  /** What is meant for HTTP is left out. */
  const shown = (error: GraphQLError) => {
    const { extensions, ...told } = toClientError(error).toJSON()
    const { http, unexpected, ...said } = extensions ?? {}
    return { ...told, ...(Object.keys(said).length > 0 && { extensions: said }) }
  }
  const connections = createConnectionCount()
  const admitted = new WeakMap<Extra['socket'], Admitted>()

  const whoAsks = ({ connectionParams, extra }: SocketContext) =>
    signIn(extra.request, connectionParams?.authorization ?? connectionParams?.Authorization)

  /** What an operation on a WebSocket is executed with, or what is wrong with it. */
  const prepare = async (
    socket: SocketContext,
    params: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> => {
    const open = admitted.get(socket.extra.socket)
    if (open) open.busyAt = performance.now()
    // Now, before others join it while this one waits.
    const isOneTooMany = Object.keys(socket.subscriptions).length > limits.maxOperations
    // Again for each operation: the token may have been revoked since. What is refused below counts as a request too.
    const { viewer, refusal } = await whoAsks(socket)
    if (refusal) return [refusalError(refusal)]
    if (isOneTooMany) {
      const message = `This connection has ${limits.maxOperations} operations under way, which is what one may have.`
      return [new GraphQLError(message, { extensions: { code: 'TOO_MANY_OPERATIONS' } })]
    }
    const asked = { ...params, query: persisted.documentOf(params) ?? params.query }
    return executionOf(yoga, socket, asked, contextOf(viewer))
  }

  /** Lets a connection in, for as long as its viewer may do what they may now. */
  const admit = async (context: SocketContext): Promise<boolean> => {
    const { socket } = context.extra
    const { viewer, refusal } = await whoAsks(context)
    if (refusal) {
      if (refusal.status === 429) socket.close(closeCodes.tryAgainLater, refusal.message)
      return false
    }
    if (connections.of(viewer.tokenId) >= limits.maxPerToken) {
      const reason = `This token has ${limits.maxPerToken} connections here, which is what one may have.`
      socket.close(closeCodes.tryAgainLater, reason)
      return false
    }
    connections.add(viewer.tokenId, 1)
    const leave = () => connections.add(viewer.tokenId, -1)
    if (socket.readyState !== socket.OPEN) {
      leave()
      return false
    }
    socket.once('close', leave)
    admitted.set(socket, { context, busyAt: performance.now() })
    const stop = await access.watch(viewer, (why) => socket.close(lostAccessCodes[why], lostAccessWords[why]))
    if (socket.readyState === socket.OPEN) socket.once('close', stop)
    else stop()
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
    // What is thrown here would close the connection, and with it every other operation on it.
    onSubscribe: (socket, _id, params) => prepare(socket, params).catch((error: unknown) => [toClientError(error)]),
    onError: (_socket, _id, _params, errors) => errors.map(shown),
    onNext: (_socket, _id, _params, _args, result) =>
      'errors' in result && result.errors ? ({ ...result, errors: result.errors.map(shown) } as never) : undefined,
  })

  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: maxMessageBytes,
    handleProtocols,
    verifyClient: ({ req }, answer) => {
      if (isFromForeignPage(req, corsOrigins)) answer(false, foreignPage.status, foreignPage.message)
      else answer(true)
    },
  })
  sockets.on('connection', (socket, request) => {
    socket.once('close', measure.socketOpened())
    serveConnection(socket, request, { protocol, log, pingMs: limits.pingMs, onTick: () => endIdle(socket) })
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
