import type { ServerResponse } from 'node:http'
import { type ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { AccessWatch, LostAccess } from '../domain/actor/access-watch.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { Measure } from '../domain/ports/measure.ts'
import { askedFields } from '../schema/asked-fields.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { refusalError } from './client-errors.ts'
import { notSignedIn, type SignedIn } from './sign-in.ts'

export interface ServerContext {
  viewer?: Viewer
  /** Says who asks over HTTP. */
  whoAsks?: () => Promise<SignedIn>
  /** What is answered over HTTP. */
  res?: ServerResponse
}

/**
 * Turns away who is not signed in before the body is read: otherwise the errors of parsing and validation would be
 * answered to anybody, and with them parts of the schema.
 */
export const requireViewer = (): Plugin<object, ServerContext> => ({
  async onRequestParse({ serverContext }) {
    const { viewer, refusal } = (await serverContext.whoAsks?.()) ?? { refusal: notSignedIn }
    if (refusal) throw refusalError(refusal)
    serverContext.viewer = viewer
  },
})

/**
 * Where in a value a string is not Unicode (half of a surrogate pair); undefined when none is. A value has millions of
 * members if somebody wants that: nothing is made for each.
 */
export const brokenText = (value: unknown): readonly string[] | undefined => {
  const path: string[] = []
  const isBroken = (part: unknown): boolean => {
    if (typeof part === 'string') return !part.isWellFormed()
    if (typeof part !== 'object' || part === null) return false
    if (Array.isArray(part)) {
      for (let index = 0; index < part.length; index += 1) {
        if (isBroken(part[index])) return path.unshift(String(index)) > 0
      }
      return false
    }
    // An upload is bytes, each of which would be a member.
    if ('stream' in part && typeof part.stream === 'function') return false
    for (const name in part) {
      if (!name.isWellFormed()) return true
      if (isBroken(part[name as keyof typeof part])) return path.unshift(name) > 0
    }
    return false
  }
  return isBroken(value) ? path : undefined
}

const badVariables = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } } })

/** The error for variables that hold what neither UTF-8 nor PostgreSQL can carry; undefined when there is none. */
const brokenTextError = (variables: unknown): GraphQLError | undefined => {
  try {
    const path = brokenText(variables)
    return path && badVariables(`The variable ${path.join('.')} holds half of a surrogate pair, which is no text.`)
  } catch (error) {
    if (error instanceof RangeError) return badVariables('The variables are nested too deeply to be read.')
    throw error
  }
}

/** Refuses operations whose variables are not Unicode, over HTTP and WebSocket. Documents cannot carry such text. */
export const refuseBrokenText = (): Plugin => ({
  onExecute({ args, setResultAndStopExecution }) {
    const error = brokenTextError(args.variableValues)
    if (error) setResultAndStopExecution({ errors: [error] })
  },
  onSubscribe({ args, setResultAndStopExecution }) {
    const error = brokenTextError(args.variableValues)
    if (error) setResultAndStopExecution({ errors: [error] })
  },
})

export const lostAccessWords: Readonly<Record<LostAccess, string>> = {
  SIGNED_OUT: 'The token is not valid any more: it has expired or is revoked, or its actor is disabled.',
  NARROWED: 'You may do less than when you connected: connect again to go on with what you may.',
}

const lostAccessError = (why: LostAccess): GraphQLError =>
  new GraphQLError(lostAccessWords[why], {
    extensions: { code: why === 'SIGNED_OUT' ? 'UNAUTHENTICATED' : 'FORBIDDEN' },
  })

/** Lets rows be read for what a document asks for. */
export const noteAskedFields = (): Plugin<GraphQLContext> => ({
  onExecute({ args }) {
    args.contextValue.asking.fields = askedFields(args.document)
  },
})

type Results = AsyncIterableIterator<ExecutionResult>

const isStream = (result: unknown): result is Results =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

interface Endable {
  readonly results: Results
  /** Says why as the last result, and ends. */
  lose(why: LostAccess): void
}

/** The same results, with an end from outside also while nothing comes. */
const endable = (source: Results, onEnd: () => void): Endable => {
  let hasEnded = false
  let waiting: ((result: IteratorResult<ExecutionResult>) => void) | undefined
  let last: IteratorResult<ExecutionResult> = { done: true, value: undefined }
  const end = async () => {
    if (hasEnded) return
    hasEnded = true
    onEnd()
    await source.return?.()
  }
  const takeLast = () => {
    const taken = last
    last = { done: true, value: undefined }
    return taken
  }
  return {
    results: {
      async next() {
        if (hasEnded) return takeLast()
        const result = await new Promise<IteratorResult<ExecutionResult>>((resolve, reject) => {
          waiting = resolve
          source.next().then(resolve, reject)
        }).catch(async (error: unknown) => {
          await end()
          throw error
        })
        waiting = undefined
        if (result.done) await end()
        return result
      },
      async return() {
        await end()
        return { done: true, value: undefined }
      },
      async throw(error) {
        await end()
        throw error
      },
      [Symbol.asyncIterator]() {
        return this
      },
    },
    lose(why) {
      if (hasEnded) return
      last = { done: false, value: { errors: [lostAccessError(why)] } }
      hasEnded = true
      waiting?.(takeLast())
      onEnd()
      void source.return?.()
    },
  }
}

/** Ends subscriptions, over whatever transport, of those who lost the access that they had when they subscribed. */
export const endLostSubscriptions = (
  access: AccessWatch,
  measure: Pick<Measure, 'subscriptionOpened'>,
): Plugin<GraphQLContext> => ({
  async onSubscribe({ args }) {
    let lostBefore: LostAccess | undefined
    let lose = (why: LostAccess) => {
      lostBefore = why
    }
    const stop = await access.watch(args.contextValue.viewer, (why) => lose(why))
    return {
      onSubscribeResult({ result, setResult }) {
        if (!isStream(result)) return stop()
        const noteEnd = measure.subscriptionOpened()
        const subscription = endable(result, () => {
          stop()
          noteEnd()
        })
        lose = subscription.lose
        if (lostBefore !== undefined) lose(lostBefore)
        setResult(subscription.results)
      },
      onSubscribeError: stop,
    }
  },
})
