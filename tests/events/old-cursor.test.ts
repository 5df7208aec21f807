import { afterAll, beforeAll, expect, it } from 'vitest'
import { followEvents } from '../../src/cli/follow-events.ts'
import { createGraphQLClient } from '../../src/cli/graphql-client.ts'
import { changes } from '../../src/cli/review/operations.ts'
import { CursorTooOldError } from '../../src/domain/errors.ts'
import { cutEvents } from '../../src/domain/event/cut-events.ts'
import type { EventFeed } from '../../src/domain/ports/event-feed.ts'
import { handed } from '../../src/domain/shared/handed.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { schema } from '../../src/schema/index.ts'
import { made, stubSpec } from '../factories/api.ts'
import { sqlOf } from '../factories/gate.ts'
import { proposedDiff, readyProject } from '../factories/pipeline.ts'
import { createdSession } from '../factories/sessions.ts'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const month = 30 * 86_400_000
const left = async () =>
  (await sqlOf(server, 'select xid::text, id::text from event order by event.xid, event.id')).map(asCursor)
const asCursor = ({ xid, id }: Record<string, unknown>) => `${xid}-${id}`

const limit = { timeout: 30_000 }

/** Of an event that can be read: nothing is under way, in any database of the server, that was before it. */
const lastCursor = async (): Promise<string> => {
  const hidden = 'select from event where xid >= pg_snapshot_xmin(pg_current_snapshot())'
  await expect.poll(() => sqlOf(server, hidden), limit).toEqual([])
  const cursor = (await left()).at(-1)
  if (cursor === undefined) throw new Error('Nothing has happened yet.')
  return cursor
}

/** A month and a half goes by, and everything is removed that was there. */
const cutEverything = async () => {
  await sqlOf(server, `update event set at = at - interval '45 days'`)
  const { services } = server.context
  // An event can go once no older transaction is under way.
  await expect
    .poll(async () => {
      await transact(services, (tx) => cutEvents(tx, month, 1_000))
      return left()
    }, limit)
    .toEqual([])
}

const events = 'subscription ($after: String) { events(after: $after) { cursor } }'

/** The same subscription over both transports. */
const subscribe = (document: string, variables: object, stop: AbortSignal) =>
  [server.subscribe(document, variables), subscribeBySse(server, document, variables, stop)] as const

const firstOf = async (answers: AsyncIterator<GraphQLAnswer>) => (await answers.next()).value as GraphQLAnswer

it('a cursor from before what was removed is refused by name on every subscription, over WebSocket and SSE, and in the terminal', async () => {
  const projectId = await readyProject(server)
  const specId = await stubSpec(server, projectId)
  const old = await lastCursor()
  const ids: Readonly<Record<string, string>> = {
    projectId,
    sprintId: await made(server, 'createSprint', { input: { specId, name: 'a sprint' } }),
    sessionId: await createdSession(server, projectId),
    diffId: (await proposedDiff(server, projectId)).id,
  }
  await cutEverything()
  const fields = Object.values(schema.getSubscriptionType()?.getFields() ?? {}).filter(({ args }) =>
    args.some(({ name }) => name === 'after'),
  )
  expect(fields.map(({ name }) => name).sort()).toEqual([
    'diffEvents',
    'events',
    'projectEvents',
    'sessionEvents',
    'sprintEvents',
  ])
  const stop = new AbortController()
  const refused = {
    message: expect.stringMatching(/^after: the cursor \d+-\d+ is too old: .* removed.* from before 20.*eventCursor/),
    extensions: { code: 'CURSOR_TOO_OLD' },
  }
  for (const { name, args } of fields) {
    const subject = args.find((arg) => arg.name !== 'after')?.name
    const given = subject === undefined ? '' : `${subject}: ${JSON.stringify(ids[subject])}, `
    const document = `subscription ($after: String) { ${name}(${given}after: $after) { cursor } }`
    for (const answers of subscribe(document, { after: old }, stop.signal)) {
      expect((await firstOf(answers)).errors, name).toMatchObject([refused])
    }
  }
  const client = createGraphQLClient({ url: server.url, token: server.token, signal: stop.signal })
  const dropped: unknown[] = []
  const following = followEvents({
    client,
    subscription: changes,
    variables: {},
    after: old,
    signal: stop.signal,
    onDropped: (error) => dropped.push(error),
  })
  await expect(following.next()).rejects.toThrow(/is too old/)
  // Nobody tries again what cannot succeed.
  expect(dropped).toEqual([])
  await expect.poll(() => server.context.feed.subscribers(), limit).toBe(0)
})

it('after the very cursor up to which events were removed, or one taken when all was quiet, nothing is missed', async () => {
  const projectId = await readyProject(server)
  await stubSpec(server, projectId)
  const last = await lastCursor()
  const { eventCursor } = await server.query('{ eventCursor }')
  await cutEverything()
  const stop = new AbortController()
  const [xid, id] = last.split('-')
  const justBefore = `${xid}-${BigInt(id ?? 0) - 1n}`
  expect((await firstOf(server.subscribe(events, { after: justBefore }))).errors).toMatchObject([
    { extensions: { code: 'CURSOR_TOO_OLD' } },
  ])
  const waiting = [last, eventCursor].flatMap((after) =>
    subscribe(events, { after }, stop.signal).map(async (answers) => {
      const cursor = (await firstOf(answers)).data.events.cursor
      await answers.return?.(undefined)
      return cursor
    }),
  )
  await stubSpec(server, projectId)
  const [next] = await left()
  expect(await Promise.all(waiting)).toEqual([next, next, next, next])
  stop.abort()
})

it('a subscriber whom the removal overtakes is told so in the middle, over WebSocket and SSE', async () => {
  await stubSpec(server, await readyProject(server))
  const feed = server.context.feed as { -readonly [Name in keyof EventFeed]: EventFeed[Name] }
  const { follow } = feed
  const [event] = await sqlOf(server, `select * from event limit 1`)
  try {
    // As the feed does it for a reader who is slower than the log grows old; tests/events/event-feed.test.ts has that.
    feed.follow = () =>
      handed(async (take) => {
        await take([{ ...event, projectId: event?.project_id } as never], false)
        throw new CursorTooOldError('1-1', new Date())
      })
    const stop = new AbortController()
    for (const answers of subscribe(events, {}, stop.signal)) {
      expect((await firstOf(answers)).data.events.cursor).toMatch(/^\d+-\d+$/)
      // A client of WebSocket throws the errors with which the server ends a subscription.
      const errors = await firstOf(answers).then(
        (answer) => answer.errors,
        (thrown: unknown) => thrown,
      )
      expect(errors).toMatchObject([{ extensions: { code: 'CURSOR_TOO_OLD' } }])
      expect(await answers.next()).toMatchObject({ done: true })
    }
  } finally {
    feed.follow = follow
  }
})
