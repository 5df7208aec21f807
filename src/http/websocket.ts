import type { Server } from 'node:http'
import type { ExecutionArgs, GraphQLError } from 'graphql'
import type { Disposable, Context as SocketState, SubscribePayload } from 'graphql-ws'
import { type Extra, useServer } from 'graphql-ws/use/ws'
import type { YogaServerInstance } from 'graphql-yoga'
import { WebSocketServer } from 'ws'
import type { AccessWatch, LostAccess } from '../domain/actor/access-watch.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { lostAccessWords, type ServerContext } from './plugins.ts'

export interface WebSocketOptions {
  readonly yoga: YogaServerInstance<ServerContext, GraphQLContext>
  readonly findViewer: (authorization: unknown) => Promise<Viewer | undefined>
  readonly contextOf: (viewer: Viewer) => GraphQLContext
  readonly notSignedIn: () => GraphQLError
  /** What may be said of an error. */
  readonly toClientError: (error: unknown) => GraphQLError
  readonly maxMessageBytes: number
  readonly access: AccessWatch
}

export interface ServedWebSockets {
  /** Takes no more connections, and ends those that there are with 1001: clients connect again. */
  close(): Promise<void>
}

const closeGraceMs = 2_000

// 4403 is final for clients. After the other they connect again, and go on with what they may now.
const closeCodes: Readonly<Record<LostAccess, number>> = { SIGNED_OUT: 4403, NARROWED: 4420 }

type SocketContext = SocketState<Record<string, unknown> | undefined, Extra>

interface EnvelopedArgs extends ExecutionArgs {
  readonly rootValue: {
    execute: (args: ExecutionArgs) => never
    subscribe: (args: ExecutionArgs) => never
  }
}

/** Serves operations over WebSocket by the graphql-transport-ws protocol, for those whose token is in connectionParams. */
export const serveWebSockets = (server: Server, options: WebSocketOptions): ServedWebSockets => {
  const { yoga, findViewer, contextOf, notSignedIn, toClientError, maxMessageBytes, access } = options
  const shown = (error: GraphQLError) => toClientError(error).toJSON()
  const socketViewer = (parameters: Readonly<Record<string, unknown>> | undefined) =>
    findViewer(parameters?.authorization ?? parameters?.Authorization)
  /** What an operation on a WebSocket is executed with, or what is wrong with it. */
  const prepare = async (
    socket: SocketContext,
    params: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> => {
    // Again for each operation: the token may have been revoked since.
    const viewer = await socketViewer(socket.connectionParams)
    if (!viewer) return [notSignedIn()]
    const enveloped = yoga.getEnveloped({
      ...socket,
      req: socket.extra.request,
      socket: socket.extra.socket,
      params,
    })
    const document = enveloped.parse(params.query)
    const faults = enveloped.validate(enveloped.schema, document)
    if (faults.length > 0) return faults
    return {
      schema: enveloped.schema,
      operationName: params.operationName,
      document,
      variableValues: params.variables,
      contextValue: contextOf(viewer),
      rootValue: { execute: enveloped.execute, subscribe: enveloped.subscribe },
    } as unknown as ExecutionArgs
  }
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: maxMessageBytes })
  const served: Disposable = useServer(
    {
      execute: (args: ExecutionArgs) => (args as EnvelopedArgs).rootValue.execute(args),
      subscribe: (args: ExecutionArgs) => (args as EnvelopedArgs).rootValue.subscribe(args),
      // 4403: the token is missing, unknown, expired or revoked.
      onConnect: async ({ connectionParams, extra }) => {
        try {
          const viewer = await socketViewer(connectionParams)
          if (!viewer) return false
          const { socket } = extra
          const stop = await access.watch(viewer, (why) => socket.close(closeCodes[why], lostAccessWords[why]))
          if (socket.readyState === socket.OPEN) socket.once('close', stop)
          else stop()
          return true
        } catch (error) {
          // Thrown, it would be told to the client as the reason.
          extra.socket.close(4500, toClientError(error).message)
          return false
        }
      },
      // What is thrown here would close the connection, and with it every other operation on it.
      onSubscribe: (socket, _id, params) => prepare(socket, params).catch((error: unknown) => [toClientError(error)]),
      onError: (_socket, _id, _params, errors) => errors.map(shown),
      onNext: (_socket, _id, _params, _args, result) =>
        'errors' in result && result.errors ? ({ ...result, errors: result.errors.map(shown) } as never) : undefined,
    },
    sockets,
  )
  const close = async (): Promise<void> => {
    // One that does not answer, since its client is paused or gone, would be waited for.
    const timer = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate()
    }, closeGraceMs)
    await served.dispose()
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
