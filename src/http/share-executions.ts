import { createHash } from 'node:crypto'
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  GraphQLError,
  getOperationAST,
  Kind,
  mapSourceToResponseEvent,
  type OperationDefinitionNode,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
  visit,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { GraphQLContext } from '../schema/context.ts'

/** What came of an event for somebody. */
interface Outcome {
  readonly result: ExecutionResult
  /** Whether it was looked at who asks: then it is theirs alone. */
  readonly isPersonal: boolean
  readonly tokenId: string
}

type Outcomes = Map<string, Promise<Outcome>>

/** In milliseconds: those who listen get an event at the same time, or alone. */
const keptMs = 250

/** What somebody is sent may be megabytes, and events wait in the inboxes of those who read slowly. */
const mostKept = 50

/** Longer ones are digested. */
const longKey = 1_000

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

/** The variables that say what is shown of an event; those of the subscribed field itself say which events. */
const shownVariables = (document: DocumentNode, operation: OperationDefinitionNode): readonly string[] => {
  const names = new Set<string>()
  const ofField = new Set(
    operation.selectionSet.selections.flatMap((node) => (node.kind === Kind.FIELD ? (node.arguments ?? []) : [])),
  )
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (ofField.has(node) ? false : undefined),
    Variable: ({ name }) => {
      names.add(name.value)
    },
  })
  return [...names].sort()
}

/** Gives equal keys to subscriptions that show the same of an event. */
const createKeys = () => {
  const documents = new WeakMap<
    DocumentNode,
    { readonly number: number; readonly names: Map<string, readonly string[]> }
  >()
  let count = 0
  return ({ document, operationName, variableValues }: ExecutionArgs): string | undefined => {
    const operation = getOperationAST(document, operationName)
    if (!operation) return undefined
    const known = documents.get(document) ?? { number: ++count, names: new Map<string, readonly string[]>() }
    documents.set(document, known)
    const name = operation.name?.value ?? ''
    const names = known.names.get(name) ?? shownVariables(document, operation)
    known.names.set(name, names)
    const given = variableValues ?? {}
    // One that is left out has its default, and null is null.
    const values = names.map((each) => (Object.hasOwn(given, each) ? [given[each]] : []))
    const key = `${known.number} ${name} ${JSON.stringify(values)}`
    return key.length > longKey ? createHash('sha256').update(key).digest('hex') : key
  }
}

/** The same events; an error among them is told as one of the operation. */
const located = (events: AsyncIterable<unknown>, operation: OperationDefinitionNode): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]() {
    const iterator = events[Symbol.asyncIterator]()
    return {
      next: () =>
        iterator.next().catch((error: Error) => {
          throw new GraphQLError(error.message, { originalError: error, nodes: [operation] })
        }),
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    }
  },
})

/**
 * Executes a subscription's selection once for each event, for all who subscribed with the same document and variables.
 * What comes of it is shared by everybody unless it was looked at who asks: then each has their own.
 */
export const shareExecutions = (contextOf: (viewer: Viewer) => GraphQLContext): Plugin<GraphQLContext> => {
  const outcomes = new WeakMap<object, Outcomes>()
  const kept = new Set<() => void>()
  const keyOf = createKeys()

  const execute = async (args: ValidatedSubscriptionArgs, viewer: Viewer): Promise<Outcome> => {
    let isPersonal = false
    const contextValue = contextOf(
      watched(viewer, () => {
        isPersonal = true
      }),
    )
    const result = await executeSubscriptionEvent({ ...args, contextValue })
    return { result, isPersonal, tokenId: viewer.tokenId }
  }
  /** Lets go of an outcome a moment after it came, or when there are too many. */
  const keepShortly = (ofEvent: Outcomes, whose: string): void => {
    const letGo = () => {
      ofEvent.delete(whose)
      kept.delete(letGo)
      clearTimeout(timer)
    }
    const timer = setTimeout(letGo, keptMs).unref()
    kept.add(letGo)
    const [oldest] = kept
    if (kept.size > mostKept) oldest?.()
  }
  const respond = async (args: ValidatedSubscriptionArgs, key: string, viewer: Viewer): Promise<ExecutionResult> => {
    const event = args.rootValue as object
    const ofEvent: Outcomes = outcomes.get(event) ?? new Map()
    outcomes.set(event, ofEvent)
    const outcomeFor = (whose: string): Promise<Outcome> => {
      const known = ofEvent.get(whose)
      if (known) return known
      const outcome = execute(args, viewer)
      ofEvent.set(whose, outcome)
      const settled = () => keepShortly(ofEvent, whose)
      outcome.then(settled, settled)
      return outcome
    }
    const first = await outcomeFor(key)
    if (!first.isPersonal || first.tokenId === viewer.tokenId) return first.result
    return (await outcomeFor(`${key} ${viewer.tokenId}`)).result
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
        return mapSourceToResponseEvent(checked, located(events, checked.operation), (args) =>
          respond(args, key, viewer),
        )
      })
    },
  }
}
