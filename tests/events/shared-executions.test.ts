import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { madeId, makeRows, rowId, tokenOfPerson } from '../../bench/harness/rows.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createStandings } from '../../src/domain/actor/standings.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { countQueries } from '../support/count-queries.ts'
import { createTestDatabase } from '../support/database.ts'
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

it('those who ask for the same are told the same, and cost the database no more than one of them', async () => {
  const { query } = pg.Client.prototype
  const readsFor = async (count: number): Promise<number> => {
    await using followers = await following(count, ofProject, () => ({ id, with: true }))
    let reads = 0
    pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
      const [first] = args
      const text = typeof first === 'string' ? first : String((first as { text?: string }).text)
      if (/from "diff"/.test(text)) reads += 1
      return Reflect.apply(query, this, args)
    } as typeof query
    try {
      const told = followers.next()
      await happen('diff-1-2')
      const diff = { id: madeId('Diff', 'diff-1-2'), status: 'APPROVED', commitMessage: 'Take option 2' }
      for (const data of await told) expect(data).toEqual({ projectEvents: { __typename: 'DiffChanged', diff } })
    } finally {
      pg.Client.prototype.query = query
    }
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

it('whether those who listen still may is looked up for all of them at once', async () => {
  const { services } = server.context
  let now = Date.now()
  const standings = createStandings({ em: services.em, clock: () => new Date(now) }, 500)
  const viewers = await Promise.all(
    Array.from({ length: people }, (_, index) => authenticate(services, tokenOfPerson(index + 1))),
  )
  const ask = () => countQueries(() => Promise.all(viewers.map((viewer) => viewer && standings.of(viewer))))
  expect((await ask()).statements).toHaveLength(2)
  expect((await ask()).statements).toEqual([])
  const last = rowId(`token-${people}`)
  await rows(services.em()).updateTable('ApiToken').set({ revokedAt: new Date() }).where('id', '=', last).execute()
  now += 500
  const { result, statements } = await ask()
  expect(statements).toHaveLength(2)
  expect(result.map((standing) => standing?.projectIds)).toEqual([...Array(people - 1).fill(null), undefined])
})
