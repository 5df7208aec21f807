import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type ExecutionResult,
  executeSubscriptionEvent,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
  validate,
  validateSubscriptionArgs,
} from 'graphql'
import { describe, expect, it, vi } from 'vitest'
import type { EventRow } from '../../src/domain/event/event.entity.ts'
import type { EventBody } from '../../src/domain/event/event.ts'
import { eventText } from '../../src/http/event-text.ts'
import { schema } from '../../src/schema/index.ts'

const id = randomUUID()
const used = { agent: 'coder', iteration: 2, provider: 'OPENAI', model: 'a "model"', inputTokens: 3, outputTokens: 4 }
const bodies: readonly EventBody[] = [
  { type: 'InterviewChanged', specId: id, status: 'ANSWERED' },
  { type: 'SprintChanged', sprintId: id, status: 'COMPLETED' },
  { type: 'PhaseChanged', sprintId: id, phaseId: id, status: 'RUNNING' },
  { type: 'RunChanged', runId: id, status: 'RUNNING' },
  { type: 'CheckpointReached', runId: id, label: 'Größe \u2028 🦉 "', sequence: 7 },
  { type: 'ToolCalled', candidateId: id, tool: 'read_file', isError: false },
  { type: 'TokensUsed', ...used, costUsd: null, rehearsal: true } as EventBody,
  { type: 'TokensUsed', ...used, costUsd: 0.25, rehearsal: false } as EventBody,
  { type: 'MessageAdded', messageId: id },
  { type: 'SessionChanged', sessionId: id, busy: true },
  { type: 'DiffChanged', diffId: id, status: 'APPROVED' },
  { type: 'TestRunChanged', testRunId: id, status: 'RUNNING', finished: 1, total: 2 },
]
const events = bodies.map(
  (body, index): EventRow => ({
    id: String(index),
    xid: '77',
    at: new Date(1_763_790_000_123 + index),
    projectId: id,
    specId: null,
    sprintId: null,
    sessionId: null,
    diffId: null,
    body,
  }),
)

const prepared = (document: string, variableValues: Record<string, unknown> = {}) => {
  const parsed = parse(document)
  expect(validate(schema, parsed)).toEqual([])
  const args = validateSubscriptionArgs({ schema, document: parsed, variableValues, contextValue: {} })
  if (!('schema' in args)) throw new Error(String(args))
  return args
}

/** What is sent of each event, and what comes of executing it. */
const shown = async (document: string, variables?: Record<string, unknown>, rows: readonly EventRow[] = events) => {
  const args = prepared(document, variables)
  const text = eventText(args)
  const executed = (rootValue: EventRow): ExecutionResult | Promise<ExecutionResult> =>
    executeSubscriptionEvent({ ...args, rootValue })
  return {
    texts: rows.map(text),
    results: await Promise.all(rows.map(async (event) => JSON.stringify(await executed(event)))),
  }
}

const everything = `
  fragment Place on Event { place: cursor projectId }
  fragment Status on DiffChanged { became: status ...Place }
  subscription ($skips: Boolean!, $with: Boolean!) {
    told: events {
      at __typename ...Place ...Place
      ... on Event { at @skip(if: $skips) cursor @include(if: $with) }
      ... on InterviewChanged { interview: status }
      ... on SprintChanged { sprint: status }
      ... on PhaseChanged { phase: status }
      ... on RunChanged { run: status }
      ... on CheckpointReached { label sequence }
      ... on ToolCalled { tool isError }
      ... on TokensUsed { agent iteration provider model inputTokens outputTokens costUsd rehearsal }
      ... on SessionChanged { busy }
      ...Status
      ... on TestRunChanged { tests: status finished total }
    }
  }`

it.each([
  { skips: true, with: true },
  { skips: false, with: false },
])('every event is sent as it would be executed, to the letter: %j', async (variables) => {
  const { texts, results } = await shown(everything, variables)
  expect(texts).toEqual(results)
  expect(new Set(texts).size).toBe(events.length)
})

describe('what an event does not say by itself is executed', () => {
  it.each([
    ['a field of another object', '{ events { cursor ... on DiffChanged { diff { id } } } }', 'DiffChanged'],
    [
      'an object in a fragment',
      '{ events { ...Read } } fragment Read on SprintChanged { sprint { id } }',
      'SprintChanged',
    ],
  ])('%s, and the other types are not', async (_what, selection, type) => {
    const args = prepared(`subscription ${selection}`)
    const text = eventText(args)
    // Twice: what it found out the first time it remembers.
    for (const event of [...events, ...events]) {
      expect(typeof text(event), event.body.type).toBe(event.body.type === type ? 'undefined' : 'string')
    }
  })

  it('what is there later, and whether that fails is of no concern', async () => {
    const unheard = vi.fn()
    process.on('unhandledRejection', unheard)
    const failing = () => Promise.reject(new Error('Later.'))
    const told = new GraphQLObjectType({ name: 'Told', fields: { later: { type: GraphQLString, resolve: failing } } })
    for (const resolve of [(event: unknown) => event, failing]) {
      const subscription = new GraphQLObjectType({ name: 'Subscription', fields: { told: { type: told, resolve } } })
      const args = validateSubscriptionArgs({
        schema: new GraphQLSchema({ query: told, subscription }),
        document: parse('subscription { told { later } }'),
      })
      if (!('schema' in args)) throw new Error(String(args))
      expect(eventText(args)({})).toBeUndefined()
    }
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unheard)
    expect(unheard).not.toHaveBeenCalled()
  })

  it('an event that has not what its type always has, whose error the execution tells', async () => {
    const [event] = events
    if (!event) throw new Error('unreachable')
    const broken = { ...event, body: { ...event.body, status: null } as unknown as EventBody }
    const { texts, results } = await shown('subscription { events { ... on InterviewChanged { status } } }', {}, [
      broken,
    ])
    expect(texts).toEqual([undefined])
    expect(results).toEqual([expect.stringContaining('Cannot return null')])
  })
})

it('of the variables of who asked first it keeps none but flags, which may be megabytes', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const document =
    'subscription ($with: Boolean!, $after: String) { events(after: $after) { at cursor @include(if: $with) } }'
  const given = () => {
    const args = prepared(document, { with: true, after: 'x' })
    return { text: eventText(args), variables: new WeakRef(args.variableValues) }
  }
  const { text, variables } = given()
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  expect(variables.deref()).toBeUndefined()
  expect(events.map(text)).toEqual((await shown(document, { with: true, after: 'x' })).results)
})
