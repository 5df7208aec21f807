import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  GraphQLError,
  mapSourceToResponseEvent,
  type OperationDefinitionNode,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Viewer } from '../domain/actor/viewer.ts'
import { isHanded } from '../domain/shared/handed.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { heavy } from '../schema/weight.ts'
import { type EventText, eventText } from './event-text.ts'
import { measureOperation, type OperationSize } from './operation-size.ts'
import { resultPayload, type SendResults } from './result-frames.ts'
import { type Shown, sentResults } from './sent-results.ts'
import { createShortMemory } from './short-memory.ts'
import { createSubscriptionKeys } from './subscription-keys.ts'

/** What came of an event for somebody. */
interface Outcome {
  readonly result: ExecutionResult
  /** Whether it was looked at who asks: then it is theirs alone. */
  readonly isPersonal: boolean
  readonly tokenId: string
  /** The result as it is sent, once somebody is. */
  payload: Buffer | undefined
}

/** What came of an event, by who asks for what. */
interface OfEvent {
  readonly outcomes: Map<string, Outcome | Promise<Outcome>>
  readonly payloads: Map<string, Buffer>
}

/** The operation's root value, where its results can be sent past the GraphQL library. */
export interface SendingRoot {
  readonly send?: SendResults
}

// Operations, each with few types of events. One that is left out is put together again.
const mostTexts = 200

/** The same viewer; tells when anything of them is read. */
const watched = (viewer: Viewer, onRead: () => void): Viewer => ({
  get actor() {
    onRead()
    return viewer.actor
  },
  get tokenId() {
    onRead()
    return viewer.tokenId
  },
  get tokenRole() {
    onRead()
    return viewer.tokenRole
  },
})

/** An error among the events, as one of the operation. */
const locatedError = (error: Error, operation: OperationDefinitionNode): GraphQLError =>
  new GraphQLError(error.message, { originalError: error, nodes: [operation] })

/** The same events; an error among them is told as one of the operation. */
const located = (events: AsyncIterable<unknown>, operation: OperationDefinitionNode): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]() {
    const iterator = events[Symbol.asyncIterator]()
    return {
      next: () =>
        iterator.next().catch((error: Error) => {
          throw locatedError(error, operation)
        }),
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    }
  },
})

/** What is sent of a result; undefined where that takes a look at its errors. */
const payloadOf = (outcome: Outcome): Buffer | undefined => {
  if (outcome.result.errors) return undefined
  outcome.payload ??= resultPayload(JSON.stringify(outcome.result))
  return outcome.payload
}

/**
 * Executes a subscription's selection once for each event, for all who subscribed with the same document and variables.
 * What comes of it is shared by everybody unless it was looked at who asks: then each has their own.
 */
export const shareExecutions = (contextOf: (viewer: Viewer) => GraphQLContext): Plugin<GraphQLContext> => {
  const known = new WeakMap<object, OfEvent>()
  const keep = createShortMemory()
  const keyOf = createSubscriptionKeys()
  // Those who listen keep it: when the last of them has left, so has what they asked for.
  const texts = new Map<string, WeakRef<EventText>>()

  const ofEvent = (event: object): OfEvent => {
    const earlier = known.get(event)
    if (earlier) return earlier
    const none: OfEvent = { outcomes: new Map(), payloads: new Map() }
    known.set(event, none)
    return none
  }
  const execute = (args: ValidatedSubscriptionArgs, event: object, viewer: Viewer): Outcome | Promise<Outcome> => {
    let isPersonal = false
    const contextValue = contextOf(
      watched(viewer, () => {
        isPersonal = true
      }),
    )
    const outcome = (result: ExecutionResult): Outcome => ({
      result,
      isPersonal,
      tokenId: viewer.tokenId,
      payload: undefined,
    })
    const result = executeSubscriptionEvent({ ...args, rootValue: event, contextValue })
    return 'then' in result ? result.then(outcome) : outcome(result)
  }
  const outcomeFor = (args: ValidatedSubscriptionArgs, event: object, whose: string, viewer: Viewer) => {
    const { outcomes } = ofEvent(event)
    const earlier = outcomes.get(whose)
    if (earlier) return earlier
    const outcome = execute(args, event, viewer)
    outcomes.set(whose, outcome)
    const settled = () => keep(() => outcomes.delete(whose))
    if ('then' in outcome) outcome.then(settled, settled)
    else settled()
    return outcome
  }
  const isFor = ({ isPersonal, tokenId }: Outcome, viewer: Viewer): boolean => !isPersonal || tokenId === viewer.tokenId
  const sharedOutcome = async (args: ValidatedSubscriptionArgs, event: object, key: string, viewer: Viewer) => {
    const first = await outcomeFor(args, event, key, viewer)
    return isFor(first, viewer) ? first : outcomeFor(args, event, `${key} ${viewer.tokenId}`, viewer)
  }
  const textOf = (args: ValidatedSubscriptionArgs, key: string): EventText => {
    const earlier = texts.get(key)?.deref()
    if (earlier) return earlier
    const text = eventText(args)
    texts.delete(key)
    texts.set(key, new WeakRef(text))
    const [oldest] = texts.keys()
    if (texts.size > mostTexts && oldest !== undefined) texts.delete(oldest)
    return text
  }
  const shownTo = (
    viewer: Viewer,
    args: ValidatedSubscriptionArgs,
    key: string,
    sizeOf: () => OperationSize,
  ): Shown<object> => {
    const text = textOf(args, key)
    let isHeavy: boolean | undefined
    // For one person, of events that are all there: what is read for one of them is no older than any other.
    const executeTogether = (events: readonly object[]) => {
      const contextValue = contextOf(viewer)
      return Promise.all(events.map((event) => executeSubscriptionEvent({ ...args, rootValue: event, contextValue })))
    }
    return {
      atOnce(event, isShared) {
        const shared = isShared ? ofEvent(event) : undefined
        const earlier = shared?.payloads.get(key)
        if (earlier) return earlier
        const shown = text(event)
        if (shown === undefined) {
          const outcome = shared?.outcomes.get(key)
          return outcome && 'result' in outcome && isFor(outcome, viewer) ? payloadOf(outcome) : undefined
        }
        const payload = resultPayload(shown)
        if (shared) {
          shared.payloads.set(key, payload)
          keep(() => shared.payloads.delete(key))
        }
        return payload
      },
      async inTime(events, areShared) {
        if (!areShared) {
          const results = await executeTogether(events)
          return results.map((result) => () => (result.errors ? result : resultPayload(JSON.stringify(result))))
        }
        const outcomes = await Promise.all(events.map((event) => sharedOutcome(args, event, key, viewer)))
        return outcomes.map((outcome) => () => payloadOf(outcome) ?? outcome.result)
      },
      isHeavy() {
        isHeavy ??= sizeOf().cost >= heavy
        return isHeavy
      },
    }
  }

  return {
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const key = keyOf(args)
        const checked = validateSubscriptionArgs(args)
        if (key === undefined || !('schema' in checked)) return subscribeFn(args)
        const events = await createSourceEventStream(checked)
        if (!(Symbol.asyncIterator in events)) return events
        const { viewer } = args.contextValue as GraphQLContext
        const { send } = (args.rootValue ?? {}) as SendingRoot
        if (send && isHanded(events)) {
          const { document, operationName, variableValues: variables } = args
          const sizeOf = () => measureOperation(args.schema, document, { operationName, variables })
          return sentResults(events, shownTo(viewer, checked, key, sizeOf), send, (error) =>
            locatedError(error, checked.operation),
          )
        }
        return mapSourceToResponseEvent(checked, located(events, checked.operation), async (each) => {
          const { result } = await sharedOutcome(each, each.rootValue as object, key, viewer)
          return result
        })
      })
    },
  }
}
