import type { ExecutionArgs, GraphQLError } from 'graphql'
import type { Context as SocketState, SubscribePayload } from 'graphql-ws'
import type { GraphQLContext } from '../schema/context.ts'
import type { Extra } from './connection.ts'
import type { GraphQLServer } from './graphql-server.ts'

export type SocketContext = SocketState<Record<string, unknown> | undefined, Extra>

/** What is executed by the GraphQL server's own functions, with all of its plugins. */
interface EnvelopedArgs extends ExecutionArgs {
  readonly rootValue: {
    execute: (args: ExecutionArgs) => never
    subscribe: (args: ExecutionArgs) => never
  }
}

export const executeEnveloped = (args: ExecutionArgs) => (args as EnvelopedArgs).rootValue.execute(args)
export const subscribeEnveloped = (args: ExecutionArgs) => (args as EnvelopedArgs).rootValue.subscribe(args)

/**
 * What an operation on a WebSocket is executed with, or what is not valid in it.
 * @throws GraphQLError for a document that cannot be parsed, or is beyond the limits
 */
export const executionOf = (
  yoga: GraphQLServer,
  socket: SocketContext,
  params: SubscribePayload,
  contextValue: GraphQLContext,
): ExecutionArgs | readonly GraphQLError[] => {
  const { request: req, socket: webSocket } = socket.extra
  const enveloped = yoga.getEnveloped({ ...socket, req, socket: webSocket, params } as never)
  const document = enveloped.parse(params.query)
  const faults = enveloped.validate(enveloped.schema, document)
  if (faults.length > 0) return faults
  return {
    schema: enveloped.schema,
    operationName: params.operationName,
    document,
    variableValues: params.variables,
    contextValue,
    rootValue: { execute: enveloped.execute, subscribe: enveloped.subscribe },
  } as unknown as ExecutionArgs
}
