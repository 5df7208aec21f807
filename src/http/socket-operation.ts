import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql'
import type { Context as SocketState, SubscribePayload } from 'graphql-ws'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { Measure } from '../domain/ports/measure.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { refusalError } from './client-errors.ts'
import type { Extra } from './connection.ts'
import type { GraphQLServer } from './graphql-server.ts'
import type { PersistedOperations } from './persisted-operations.ts'
import { createQuota } from './quota.ts'
import { resultSender } from './result-frames.ts'
import type { SendingRoot } from './share-executions.ts'
import type { SignedIn } from './sign-in.ts'

export type SocketContext = SocketState<Record<string, unknown> | undefined, Extra>

export interface SocketOperationOptions {
  readonly yoga: GraphQLServer
  readonly whoAsks: (socket: SocketContext) => Promise<SignedIn>
  readonly persisted: PersistedOperations
  readonly contextOf: (viewer: Viewer) => GraphQLContext
  /** How many of one connection may be open. */
  readonly maxOperations: number
  readonly measure: Pick<Measure, 'refused'>
}

/** Makes an operation ready to be executed, or says what is wrong with it. */
export type PrepareOperation = (
  socket: SocketContext,
  id: string,
  params: SubscribePayload,
) => Promise<ExecutionArgs | readonly GraphQLError[]>

type Results = AsyncGenerator<ExecutionResult, void, void>

/** What is executed by the GraphQL server's own functions, with all of its plugins. */
interface EnvelopedArgs extends ExecutionArgs {
  readonly rootValue: Required<SendingRoot> & {
    readonly execute: (args: ExecutionArgs) => unknown
    readonly subscribe: (args: ExecutionArgs) => unknown
    /** Called once nothing is done for it any more. */
    readonly onEnd: () => void
  }
}

const isStream = (result: unknown): result is Results =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

/** The same results. A client that cancels is heard of at once, and the end of the work only when it has come. */
const endingStream = (results: Results, onEnd: () => void): Results => ({
  async next() {
    let isLast = true
    try {
      const result = await results.next()
      isLast = result.done === true
      return result
    } finally {
      if (isLast) onEnd()
    }
  },
  async return(value) {
    try {
      return await results.return(value)
    } finally {
      onEnd()
    }
  },
  async throw(error) {
    try {
      return await results.throw(error)
    } finally {
      onEnd()
    }
  },
  [Symbol.asyncIterator]() {
    return this
  },
  async [Symbol.asyncDispose]() {
    await this.return()
  },
})

const toItsEnd = async (execute: (args: ExecutionArgs) => unknown, args: ExecutionArgs) => {
  const { onEnd } = (args as EnvelopedArgs).rootValue
  let goesOn = false
  try {
    const result = await execute(args)
    goesOn = isStream(result)
    return (isStream(result) ? endingStream(result, onEnd) : result) as never
  } finally {
    if (!goesOn) onEnd()
  }
}

export const executeEnveloped = (args: ExecutionArgs) => toItsEnd((args as EnvelopedArgs).rootValue.execute, args)
export const subscribeEnveloped = (args: ExecutionArgs) => toItsEnd((args as EnvelopedArgs).rootValue.subscribe, args)

/** @throws GraphQLError for a document that cannot be parsed, or is beyond the limits */
const executionOf = (
  yoga: GraphQLServer,
  socket: SocketContext,
  id: string,
  params: SubscribePayload,
  contextValue: GraphQLContext,
  onEnd: () => void,
): EnvelopedArgs | readonly GraphQLError[] => {
  const { request: req, socket: webSocket } = socket.extra
  const enveloped = yoga.getEnveloped({ ...socket, req, socket: webSocket, params } as never)
  const document = enveloped.parse(params.query)
  const faults = enveloped.validate(enveloped.schema, document)
  if (faults.length > 0) return faults
  // Who asks for what is not there is not executed, and would have no end.
  if (!getOperationAST(document, params.operationName)) return [new GraphQLError('Unable to identify operation')]
  return {
    schema: enveloped.schema,
    operationName: params.operationName,
    document,
    variableValues: params.variables,
    contextValue,
    rootValue: {
      execute: enveloped.execute,
      subscribe: enveloped.subscribe,
      onEnd,
      send: resultSender(socket.extra, id),
    },
  } as unknown as EnvelopedArgs
}

/** A client's ids are UUIDs or short numbers. Each result repeats its operation's. */
const maxIdCharacters = 256

const tooLongId = (): GraphQLError =>
  new GraphQLError(`The id of an operation may have ${maxIdCharacters} characters.`, {
    extensions: { code: 'BAD_REQUEST' },
  })

const tooManyOperations = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'TOO_MANY_OPERATIONS' } })

/** Takes so many operations of a connection at once, and lets them be executed by the GraphQL server. */
export const operationsOfSockets = (options: SocketOperationOptions): PrepareOperation => {
  const { yoga, whoAsks, persisted, contextOf, maxOperations, measure } = options
  // One that was canceled is no longer among its connection's, and the work on it goes on for a while.
  const underWay = createQuota<Extra['socket']>(2 * maxOperations)
  const tooManyOpen = `This connection has ${maxOperations} operations under way, which is what one may have.`
  const tooManyEnding = `Of this connection's operations ${2 * maxOperations} have not ended, canceled ones included: ask again when they have.`
  return async (socket, id, params) => {
    // Now, before others join it while this one waits.
    const isOneTooMany = Object.keys(socket.subscriptions).length > maxOperations
    const onEnd = isOneTooMany ? undefined : underWay.take(socket.extra.socket)
    let isPrepared = false
    try {
      // Again for each operation: the token may have been revoked since. What is refused below counts as a request too.
      const { viewer, refusal } = await whoAsks(socket)
      if (refusal) return [refusalError(refusal)]
      if (id.length > maxIdCharacters) return [tooLongId()]
      if (!onEnd) {
        measure.refused('TOO_MANY_OPERATIONS')
        return [tooManyOperations(isOneTooMany ? tooManyOpen : tooManyEnding)]
      }
      const asked = { ...params, query: persisted.documentOf(params) ?? params.query }
      const prepared = executionOf(yoga, socket, id, asked, contextOf(viewer), onEnd)
      isPrepared = 'rootValue' in prepared
      return prepared
    } finally {
      if (!isPrepared) onEnd?.()
    }
  }
}
