import fastify from 'fastify'
import mercurius from 'mercurius'
import type pg from 'pg'
import { runChild } from '../harness/child.ts'
import { createSignIn, openPool, type Person } from '../harness/hand-server.ts'
import { cursorOf, type DiffOfList, filesOfList, globalId, localId, pending } from './rows.ts'

const schema = `
  interface Node { id: ID! }
  type Query { node(id: ID!): Node  pendingDiffs(first: Int!): DiffConnection! }
  type Project implements Node { id: ID!  name: String!  diffs(first: Int!): DiffConnection! }
  type DiffConnection { nodes: [Diff!]!  pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean!  endCursor: String }
  enum DiffStatus { PROPOSED EVALUATOR_REJECTED EVALUATOR_APPROVED HUMAN_REVIEWING APPROVED HUMAN_REJECTED COMMITTING COMMITTED SUPERSEDED }
  enum DiffOrigin { SPRINT SESSION EXTERNAL REVERT }
  enum ChangeKind { ADDED MODIFIED DELETED RENAMED COPIED }
  enum TestRunStatus { QUEUED RUNNING PASSED FAILED ERRORED CANCELED }
  enum ReviewVerdict { APPROVE REJECT }
  scalar DateTime
  type Diff implements Node {
    id: ID!  status: DiffStatus!  origin: DiffOrigin!  baseCommit: String!  targetBranch: String!  content: String!
    contentHash: String!  commitMessage: String!  additions: Int!  deletions: Int!  createdAt: DateTime!
    author: Actor!  files: [FileChange!]!  latestTestRun: TestRun  reviews: [Review!]!
  }
  type FileChange { path: String!  kind: ChangeKind!  additions: Int!  deletions: Int!  isTest: Boolean! }
  type TestRun implements Node { id: ID!  status: TestRunStatus!  total: Int!  passed: Int!  failed: Int! }
  type Review implements Node { id: ID!  verdict: ReviewVerdict!  feedback: String  createdAt: DateTime!  reviewer: Actor! }
  type Actor implements Node { id: ID!  name: String! }`

interface Context {
  readonly person: Person
}
interface Typed {
  readonly type: string
  readonly id: string
}
type ListedDiff = DiffOfList & Typed
interface Owned {
  readonly id: string
  readonly diff_id: string
}
type Queries<Row> = readonly { readonly obj: Row }[]

const withId = (type: string) => ({ id: ({ id }: { readonly id: string }) => globalId(type, id) })
const createdAt = (row: { readonly created_at: Date }) => row.created_at.toISOString()

/** @param rows in the order of `diff.created_at`, one more than are shown where there are more */
const connection = (rows: readonly ListedDiff[], first: number) => {
  const nodes = rows.slice(0, first)
  const last = nodes.at(-1)
  return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor: last ? cursorOf(last) : null } }
}

const listed = `'Diff' as type, diff.id, diff.status, commit_message, additions, deletions, diff.created_at, author_id, ${filesOfList}`

const isSeen = async (pool: pg.Pool, { person }: Context, projectId: string): Promise<boolean> => {
  if (person.role !== null) return true
  const { rowCount } = await pool.query({
    name: 'member',
    text: 'select from membership where project_id = $1 and actor_id = $2',
    values: [projectId, person.id],
  })
  return rowCount === 1
}

const resolversOn = (pool: pg.Pool) => ({
  Node: { resolveType: ({ type }: Typed) => type },
  Query: {
    async node(_: unknown, { id }: { readonly id: string }, context: Context) {
      const isDiff = Buffer.from(id, 'base64').toString('utf8').startsWith('Diff:')
      const { rows } = await pool.query(
        isDiff
          ? {
              name: 'diff',
              text: `select 'Diff' as type, id, project_id, status, origin, base_commit, target_branch, content, content_hash,
                  commit_message, additions, deletions, created_at, author_id from diff where id = $1`,
              values: [localId(id)],
            }
          : {
              name: 'project',
              text: `select 'Project' as type, id, id as project_id, name from project where id = $1`,
              values: [localId(id)],
            },
      )
      const [node] = rows
      return node && (await isSeen(pool, context, node.project_id)) ? node : null
    },
    async pendingDiffs(_: unknown, { first }: { readonly first: number }, { person }: Context) {
      const { rows } = await pool.query<ListedDiff>({
        name: 'queue',
        text: `select ${listed} from diff
          where status in ${pending} and project_id in (select id from project where archived_at is null)
            and ($2 or project_id in (select project_id from membership where actor_id = $3))
          order by created_at, id limit $1`,
        values: [first + 1, person.role !== null, person.id],
      })
      return connection(rows, first)
    },
  },
  Project: {
    ...withId('Project'),
    async diffs(project: Typed, { first }: { readonly first: number }) {
      const { rows } = await pool.query<ListedDiff>({
        name: 'page',
        text: `select ${listed} from diff where project_id = $1 order by created_at desc, id desc limit $2`,
        values: [project.id, first + 1],
      })
      return connection(rows, first)
    },
  },
  Diff: {
    ...withId('Diff'),
    createdAt,
    baseCommit: (diff: { readonly base_commit: string }) => diff.base_commit,
    targetBranch: (diff: { readonly target_branch: string }) => diff.target_branch,
    contentHash: (diff: { readonly content_hash: string }) => diff.content_hash,
    commitMessage: (diff: { readonly commit_message: string }) => diff.commit_message,
  },
  TestRun: withId('TestRun'),
  Review: { ...withId('Review'), createdAt },
  Actor: withId('Actor'),
})

const loadersOn = (pool: pg.Pool) => {
  /** One statement for all that want the same; its own cache would make a text of each row to find it by. */
  const loader = <Row>(load: (rows: readonly Row[]) => Promise<readonly unknown[]>) => ({
    loader: (queries: Queries<Row>) => load(queries.map(({ obj }) => obj)),
    opts: { cache: false },
  })
  const actors = async (ids: readonly string[]) => {
    const text = 'select id, name from actor where id = any($1)'
    const { rows } = await pool.query({ name: 'actors', text, values: [[...new Set(ids)]] })
    const byId = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => byId.get(id))
  }
  return {
    Diff: {
      author: loader((diffs: readonly ListedDiff[]) => actors(diffs.map(({ author_id }) => author_id))),
      latestTestRun: loader(async (diffs: readonly ListedDiff[]) => {
        const { rows } = await pool.query<Owned>({
          name: 'runs',
          text: `select distinct on (diff_id) diff_id, id, status, total, passed, failed from test_run
            where diff_id = any($1) order by diff_id, created_at desc`,
          values: [diffs.map(({ id }) => id)],
        })
        const byDiff = new Map(rows.map((row) => [row.diff_id, row]))
        return diffs.map(({ id }) => byDiff.get(id) ?? null)
      }),
      reviews: loader(async (diffs: readonly ListedDiff[]) => {
        const { rows } = await pool.query<Owned>({
          name: 'reviews',
          text: `select diff_id, id, verdict, feedback, created_at, reviewer_id from review
            where diff_id = any($1) order by created_at`,
          values: [diffs.map(({ id }) => id)],
        })
        const byDiff = Map.groupBy(rows, (row) => row.diff_id)
        return diffs.map(({ id }) => byDiff.get(id) ?? [])
      }),
    },
    Review: {
      reviewer: loader((reviews: readonly { readonly reviewer_id: string }[]) =>
        actors(reviews.map(({ reviewer_id }) => reviewer_id)),
      ),
    },
  }
}

await runChild(async ({ databaseUrl }: { readonly databaseUrl: string }) => {
  const pool = openPool(databaseUrl)
  const signIn = createSignIn(pool)
  const app = fastify()
  await app.register(mercurius, {
    schema,
    resolvers: resolversOn(pool) as never,
    loaders: loadersOn(pool) as never,
    context: async ({ headers }) => {
      const person = await signIn(headers.authorization)
      if (!person) throw new mercurius.ErrorWithProps('Not signed in.', {}, 401)
      return { person }
    },
    jit: 1,
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ready: { url },
    async close() {
      app.server.closeAllConnections()
      await app.close()
      await pool.end()
    },
  }
})
