import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { madeId, makeRows, rowId, tokenOfPerson } from '../../bench/harness/rows.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createStandings } from '../../src/domain/actor/standings.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { countQueries } from '../support/count-queries.ts'
import { createTestDatabase } from '../support/database.ts'
import { openSocket } from '../support/graphql-socket.ts'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../support/server.ts'

const people = 8

let server: TestServer
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  const database = stack.use(await createTestDatabase())
  await makeRows(database.url, { people, projects: 1, diffs: 2, events: 0 })
  server = stack.use(await startTestServer({ databaseUrl: database.url, pools: {} }))
  const client = new pg.Client(database.url)
  await client.connect()
  await client.query(
    `insert into review_comment (id, diff_id, author_id, path, side, line, code, text, created_at)
     values ($1, $2, $3, 'tests/test_1.py', 'AFTER', 1, '', 'Of the first person.', now())`,
    [rowId('comment'), rowId('diff-1-1'), rowId('person-1')],
  )
  await client.end()
})
afterAll(() => stack.disposeAsync())

const happen = (name: string) => {
  const { services } = server.context
  const [projectId, diffId] = [rowId('project-1'), rowId(name)]
  return transact(services, async (tx) =>
    tx.emit({ projectId, diffId }, { type: 'DiffChanged', diffId, status: 'HUMAN_REVIEWING' }),
  )
}

/** Subscriptions of so many people that have all heard of something: what comes next they hear of as it happens. */
const following = async (count: number, document: string, variables: (person: number) => object) => {
  // Those of before have left.
  await expect.poll(() => server.context.feed.subscribers()).toBe(0)
  const answers = Array.from({ length: count }, (_, index) =>
    server.subscribe(document, variables(index + 1), tokenOfPerson(index + 1)),
  )
  const first = Promise.all(answers.map((each) => each.next()))
  await expect.poll(() => server.context.feed.subscribers()).toBe(count)
  await happen('diff-1-1')
  await first
  return {
    next: async () =>
      (await Promise.all(answers.map((each) => each.next()))).map(({ value }) => (value as GraphQLAnswer).data),
    async [Symbol.asyncDispose]() {
      await Promise.all(answers.map((each) => each.return?.()))
    },
  }
}

const ofProject = `subscription ($id: ID!, $with: Boolean!) {
  projectEvents(projectId: $id) { __typename ... on DiffChanged { diff { id status commitMessage @include(if: $with) } } }
}`
const id = madeId('Project', 'project-1')

/** What comes of some work, and how often diffs were read meanwhile. */
const readingDiffs = async <Result>(work: () => Promise<Result>) => {
  const { query } = pg.Client.prototype
  let reads = 0
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first] = args
    const text = typeof first === 'string' ? first : String((first as { text?: string }).text)
    if (/from "diff"/.test(text)) reads += 1
    return Reflect.apply(query, this, args)
  } as typeof query
  try {
    return { result: await work(), reads }
  } finally {
    pg.Client.prototype.query = query
  }
}

it('those who ask for the same are told the same, and cost the database no more than one of them', async () => {
  const readsFor = async (count: number): Promise<number> => {
    await using followers = await following(count, ofProject, () => ({ id, with: true }))
    const { reads } = await readingDiffs(async () => {
      const told = followers.next()
      await happen('diff-1-2')
      const diff = { id: madeId('Diff', 'diff-1-2'), status: 'APPROVED', commitMessage: 'Take option 2' }
      for (const data of await told) expect(data).toEqual({ projectEvents: { __typename: 'DiffChanged', diff } })
    })
    return reads
  }
  expect([await readsFor(1), await readsFor(people)]).toEqual([1, 1])
})

it('variables that change what is shown keep them apart', async () => {
  await using followers = await following(4, ofProject, (person) => ({ id, with: person % 2 === 0 }))
  const told = followers.next()
  await happen('diff-1-1')
  const shown = (await told).map(({ projectEvents }) => Object.keys(projectEvents.diff))
  expect(shown).toEqual([
    ['id', 'status'],
    ['id', 'status', 'commitMessage'],
    ['id', 'status'],
    ['id', 'status', 'commitMessage'],
  ])
})

it('what is of one person alone is shown to nobody else, whoever is told first', async () => {
  const document = `subscription ($id: ID!) {
    diffEvents(diffId: $id) { ... on DiffChanged { diff { status comments { text } } } }
  }`
  await using followers = await following(3, document, () => ({ id: madeId('Diff', 'diff-1-1') }))
  for (let round = 0; round < 3; round++) {
    const told = followers.next()
    await happen('diff-1-1')
    const comments = (await told).map(({ diffEvents }) => diffEvents.diff.comments)
    expect(comments).toEqual([[{ text: 'Of the first person.' }], [], []])
  }
})

/** So many answers, in their order. */
const answersOf = async (answers: AsyncIterator<GraphQLAnswer>, count: number): Promise<readonly GraphQLAnswer[]> => {
  const told: GraphQLAnswer[] = []
  while (told.length < count) told.push((await answers.next()).value)
  await answers.return?.()
  return told
}

const afterCursor = `subscription ($id: ID!, $after: String) {
  projectEvents(projectId: $id, after: $after) {
    ... on CheckpointReached { label }
    ... on DiffChanged { diff { id } }
  }
}`

it('who goes on from a cursor is told all that came after it, however long, and rows are read for many events at once', async () => {
  const { eventCursor: after } = await server.query('{ eventCursor }')
  const { services } = server.context
  const labels = [1, 20, 60, 5_000, 20_000, 2].map((length) => '🦉'.repeat(length))
  for (const [sequence, label] of labels.entries()) {
    await transact(services, async (tx) =>
      tx.emit({ projectId: rowId('project-1') }, { type: 'CheckpointReached', runId: rowId('run'), label, sequence }),
    )
  }
  for (let count = 0; count < 20; count++) await happen('diff-1-1')
  // By then they can be read, and nobody is given them as they happen.
  const [last] = await services
    .em()
    .execute<{ id: string }[]>('select id::text from event order by xid desc, id desc limit 1')
  await expect.poll(() => server.context.feed.position().id).toBe(last?.id)
  const { result, reads } = await readingDiffs(() =>
    answersOf(server.subscribe(afterCursor, { id, after }, tokenOfPerson(1)), 26),
  )
  expect(result.map(({ data }) => data.projectEvents)).toEqual([
    ...labels.map((label) => ({ label })),
    ...Array(20).fill({ diff: { id: madeId('Diff', 'diff-1-1') } }),
  ])
  // Ten after one another: one, two, four, the rest; and then as many as come.
  expect(reads).toBe(5)
})

it('events of which megabytes may be shown are read one by one by who goes on from a cursor', async () => {
  const { eventCursor: after } = await server.query('{ eventCursor }')
  for (let count = 0; count < 5; count++) await happen('diff-1-1')
  const document = `subscription ($id: ID!, $after: String) {
    projectEvents(projectId: $id, after: $after) { ... on DiffChanged { diff { content } } }
  }`
  const [last] = await server.context.services
    .em()
    .execute<{ id: string }[]>('select id::text from event order by xid desc, id desc limit 1')
  await expect.poll(() => server.context.feed.position().id).toBe(last?.id)
  const { reads } = await readingDiffs(() => answersOf(server.subscribe(document, { id, after }, tokenOfPerson(1)), 5))
  expect(reads).toBe(5)
})

it('who cancels in the middle and asks for something else under the same id is sent nothing more of the first', async () => {
  const { eventCursor: after } = await server.query('{ eventCursor }')
  for (let count = 0; count < 60; count++) await happen('diff-1-1')
  await using connection = await openSocket(server.url, tokenOfPerson(1))
  const { socket } = connection
  const subscribe = (query: string, variables = {}) =>
    socket.send(JSON.stringify({ id: 'same', type: 'subscribe', payload: { query, variables } }))
  const told: string[] = []
  const heard = { first: Promise.withResolvers<void>(), anew: Promise.withResolvers<void>() }
  socket.on('message', (data) => {
    const { id: of, type, payload } = JSON.parse(String(data))
    if (of !== 'same' || type !== 'next') return
    const [field] = Object.keys(payload.data)
    told.push(String(field))
    // Sixteen are taken together, and executed one by one.
    if (told.length === 1) socket.send(JSON.stringify({ id: 'same', type: 'complete' }))
    if (told.length === 1) heard.first.resolve()
    if (field === 'anew') heard.anew.resolve()
  })
  const document = `subscription ($id: ID!, $after: String) {
    projectEvents(projectId: $id, after: $after) { ... on DiffChanged { diff { id content } } }
  }`
  subscribe(document, { id, after })
  await heard.first.promise
  await connection.first('{ viewer { name } }')
  const before = told.length
  subscribe('{ anew: viewer { name } }')
  await heard.anew.promise
  await expect.poll(() => server.context.feed.subscribers()).toBe(0)
  // By then anything else has come.
  await connection.first('{ viewer { name } }')
  expect(told.slice(before)).toEqual(['anew'])
  expect(before).toBeLessThan(60)
})

it('an event whose object is not there is told of as an error in its place, and what follows comes after it', async () => {
  const { eventCursor: after } = await server.query('{ eventCursor }')
  for (const name of ['diff-1-1', 'nothing', 'diff-1-2']) await happen(name)
  const told = await answersOf(server.subscribe(afterCursor, { id, after }, tokenOfPerson(1)), 3)
  const shown = (name: string) => ({ data: { projectEvents: { diff: { id: madeId('Diff', name) } } } })
  expect(told).toEqual([
    shown('diff-1-1'),
    { data: null, errors: [expect.objectContaining({ path: ['projectEvents', 'diff'] })] },
    shown('diff-1-2'),
  ])
})

it('whether those who listen still may is looked up for all of them at once', async () => {
  const { services } = server.context
  let now = 0
  // Their clock goes back, as one that is set does.
  const clock = () => new Date(Date.now() - now * 1_000)
  const standings = createStandings({ em: services.em, clock }, 500, () => now)
  const viewers = await Promise.all(
    Array.from({ length: people }, (_, index) => authenticate(services, tokenOfPerson(index + 1))),
  )
  const ask = () => countQueries(() => Promise.all(viewers.map((viewer) => viewer && standings.of(viewer))))
  expect((await ask()).statements).toHaveLength(1)
  expect((await ask()).statements).toEqual([])
  const last = rowId(`token-${people}`)
  await rows(services.em()).updateTable('ApiToken').set({ revokedAt: new Date() }).where('id', '=', last).execute()
  now += 500
  const { result, statements } = await ask()
  expect(statements).toHaveLength(1)
  expect(result.map((standing) => standing?.projectIds)).toEqual([...Array(people - 1).fill(null), undefined])
})
