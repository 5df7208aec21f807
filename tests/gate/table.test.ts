import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DiffStatus, diffStatuses, pendingDiffStatuses } from '../../src/domain/diff/diff.status.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { schema } from '../../src/schema/index.ts'
import { globalId, made, mutate } from '../factories/api.ts'
import { commit, commitBehindOurBack, proposed, review, type ShownDiff } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Caller, callers, type Operation, type Outcome, operations, table } from './table.ts'

let server: TestServer
let people: Readonly<Record<Caller, { readonly id: string; readonly token: string }>>
/** A test by its project's id. */
const testCases = new Map<string, string>()
const projects = { steady: '', drifting: '', moving: '', held: '' }
let drifted: Promise<void> | undefined
/** The commit that is under way from the first test to the last. */
const held = Promise.withResolvers<void>()
let underWay: Promise<unknown>

const file = (diff: Subject): string => `${diff.name}-a.txt`

/** What each operation calls, and with what. */
const calls: Readonly<
  Record<Operation, readonly [mutation: string, variables: (diff: Subject, caller: Caller) => object | Promise<object>]>
> = {
  openReview: ['openReview', ({ id }) => ({ diffId: id })],
  approve: ['reviewDiff', (diff) => ({ ...verdictOn(diff), verdict: 'APPROVE' })],
  reject: ['reviewDiff', (diff) => ({ ...verdictOn(diff), verdict: 'REJECT' })],
  addReviewComment: [
    'addReviewComment',
    (diff) => ({ diffId: diff.id, path: file(diff), side: 'AFTER', line: 1, text: 'Why?' }),
  ],
  deleteReviewComment: ['deleteReviewComment', async (diff, caller) => ({ id: await draftOf(diff, caller) })],
  testDiff: ['testDiff', ({ id, projectId }) => ({ diffId: id, testCaseIds: [testCases.get(projectId)] })],
  markFileReviewed: ['markFileReviewed', (diff) => ({ diffId: diff.id, path: file(diff), reviewed: true })],
  updateCommitMessage: ['updateCommitMessage', ({ id }) => ({ diffId: id, message: 'Say it otherwise' })],
  refineCommitMessage: ['refineCommitMessage', ({ id }) => ({ diffId: id })],
  keepHunks: ['keepHunks', ({ id }) => ({ diffId: id, hunks: [0] })],
  rebaseDiff: ['rebaseDiff', ({ id }) => ({ diffId: id })],
  rebaseDrifted: ['rebaseDiff', ({ id }) => ({ diffId: id })],
  commitDiff: ['commitDiff', ({ id }) => ({ diffId: id })],
  revertDiff: ['revertDiff', ({ id }) => ({ diffId: id })],
}

interface Subject extends ShownDiff {
  readonly projectId: string
  readonly name: string
}

const verdictOn = ({ id, contentHash, safety }: Subject) => ({
  diffId: id,
  contentHash,
  evaluationHash: safety.evaluationHash,
})

const database = () => rows(server.context.services.em())

/** A remark of the caller's own, also of one who may make none (any more). */
const draftOf = async (diff: Subject, caller: Caller): Promise<string> => {
  const id = crypto.randomUUID()
  await sql`insert into review_comment (id, diff_id, author_id, path, side, line, text, code, created_at)
    values (${id}, ${rowId(diff.id)}, ${rowId(people[caller].id)}, ${file(diff)}, 'AFTER', 1, 'Why?', '', now())`.execute(
    database(),
  )
  return globalId('ReviewComment', id)
}

const statusOf = async ({ id }: Subject): Promise<DiffStatus> => {
  const diff = await database()
    .selectFrom('Diff')
    .select('status')
    .where('id', '=', rowId(id))
    .executeTakeFirstOrThrow()
  return diff.status
}

/** All that is stored of a diff, and how much of its project. Drafts are counted without those that the rows make. */
const everythingOf = async ({ id }: Subject): Promise<unknown> => {
  const stored = await sql`
    select to_jsonb(diff) as diff,
      (select count(*) from diff other where other.project_id = diff.project_id) as diffs,
      (select jsonb_agg(to_jsonb(review)) from review where diff_id = diff.id) as reviews,
      (select jsonb_agg(to_jsonb(diff_view)) from diff_view where diff_id = diff.id) as views,
      (select count(*) from review_comment where diff_id = diff.id and code <> '') as remarks,
      (select count(*) from test_run where diff_id = diff.id) as test_runs,
      (select count(*) from event where diff_id = diff.id) as events
    from diff where id = ${rowId(id)}`.execute(database())
  return stored.rows
}

let diffs = 0
const propose = async (projectId: string): Promise<Subject> => {
  diffs += 1
  const name = `file-${diffs}`
  const content = addsFile(`${name}-a.txt`, ['a']) + addsFile(`${name}-b.txt`, ['b'])
  return { ...(await proposed(server, projectId, { content }, people.owner.token)), projectId, name }
}

const approve = async (diff: Subject) => {
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
}

/** Brings a proposed diff to a state, by what people do. */
const bringTo: Readonly<Record<DiffStatus, (diff: Subject) => Promise<unknown>>> = {
  PROPOSED: async () => {},
  // What a session's evaluator says of a diff is shown where sessions are; here it is only that it has said so.
  EVALUATOR_APPROVED: (diff) => setStatus(diff, 'EVALUATOR_APPROVED'),
  EVALUATOR_REJECTED: (diff) => setStatus(diff, 'EVALUATOR_REJECTED'),
  HUMAN_REVIEWING: (diff) => made(server, 'openReview', { diffId: diff.id }),
  APPROVED: approve,
  HUMAN_REJECTED: (diff) => review(server, diff, { verdict: 'REJECT' }),
  COMMITTING: async (diff) => {
    await approve(diff)
    underWay = commit(server, diff.id)
    await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'COMMITTING')
  },
  COMMITTED: async (diff) => {
    await approve(diff)
    await commit(server, diff.id)
  },
  SUPERSEDED: (diff) => made(server, 'keepHunks', { diffId: diff.id, hunks: [0] }),
}

const setStatus = (diff: Subject, status: DiffStatus) =>
  database().updateTable('Diff').set({ status }).where('id', '=', rowId(diff.id)).execute()

const projectFor = (state: DiffStatus, operation?: Operation): string => {
  if (state === 'COMMITTING') return projects.held
  if (state === 'COMMITTED' || operation === 'commitDiff') return projects.moving
  return operation === 'rebaseDrifted' ? projects.drifting : projects.steady
}

const newDiff = async (state: DiffStatus, operation?: Operation): Promise<Subject> => {
  const diff = await propose(projectFor(state, operation))
  await bringTo[state](diff)
  expect(await statusOf(diff)).toBe(state)
  return diff
}

interface Kept {
  readonly diff: Subject
  readonly stored: string
  readonly reviews: string
}

const kept = new Map<string, Promise<Kept>>()
const keep = async (state: DiffStatus, operation: Operation): Promise<Kept> => {
  const diff = await newDiff(state, operation)
  const { rows: found } = await sql<Pick<Kept, 'stored' | 'reviews'>>`
    select to_jsonb(diff)::text as stored,
      (select coalesce(jsonb_agg(to_jsonb(review)), '[]') from review where diff_id = diff.id)::text as reviews
    from diff where id = ${rowId(diff.id)}`.execute(database())
  if (!found[0]) throw new Error('A diff is gone.')
  return { diff, ...found[0] }
}

/** One more diff in a state: the rows of one that people brought there, under ids of their own. */
const copyOf = async (state: DiffStatus, operation: Operation): Promise<Subject> => {
  const { diff, stored, reviews } = await keptDiff(state, operation)
  const id = crypto.randomUUID()
  await sql`insert into diff select * from jsonb_populate_record(null::diff, ${stored}::jsonb || ${`{"id":"${id}"}`}::jsonb)`.execute(
    database(),
  )
  await sql`insert into review select filled.* from jsonb_array_elements(${reviews}::jsonb) each,
    jsonb_populate_record(null::review, each || jsonb_build_object('id', gen_random_uuid(), 'diff_id', ${id}::text)) filled`.execute(
    database(),
  )
  return { ...diff, id: globalId('Diff', id) }
}

const keptDiff = (state: DiffStatus, operation: Operation): Promise<Kept> => {
  const key = `${state} ${projectFor(state, operation)}`
  const known = kept.get(key) ?? keep(state, operation)
  kept.set(key, known)
  return known
}

/** Somebody moves the branch, once all that is to drift is there. */
const drift = async (): Promise<void> => {
  for (const state of pendingDiffStatuses) await keptDiff(state, 'rebaseDrifted')
  await commitBehindOurBack(server, projects.drifting)
}

/** A diff that is to leave its state. */
const spentDiff = async (state: DiffStatus, operation: Operation): Promise<Subject> => {
  // Each commit moves the branch away from below the others.
  if (operation === 'commitDiff') return newDiff(state, operation)
  if (operation !== 'rebaseDrifted') return copyOf(state, operation)
  drifted ??= drift()
  await drifted
  const diff = await copyOf(state, operation)
  // As long as nobody has looked, it is as it was before the branch moved.
  const headCommit = diff.baseCommit
  await database().updateTable('Project').set({ headCommit }).where('id', '=', rowId(projects.drifting)).execute()
  return diff
}

/** One diff a state, on which everything is tried that is not to change its status. */
const lasting = new Map<DiffStatus, Promise<Subject>>()
const lastingDiff = (state: DiffStatus): Promise<Subject> => {
  const known = lasting.get(state) ?? newDiff(state)
  lasting.set(state, known)
  return known
}

const outcomeOf = async (diff: Subject, operation: Operation, caller: Caller): Promise<string> => {
  const [mutation, variables] = calls[operation]
  const answer = await mutate(server, mutation, await variables(diff, caller), people[caller].token)
  return answer.__typename.endsWith('Error') ? answer.__typename : statusOf(diff)
}

const outcomesOf = (diff: Subject, operation: Operation, cells: readonly (readonly [Caller, Outcome])[]) =>
  Promise.all(cells.map(async ([caller]) => [caller, await outcomeOf(diff, operation, caller)]))

beforeAll(async () => {
  server = await startTestServer({ pools: { maintenance: 2, sessions: 1 } })
  const someone = (name: Caller, role?: string) => actorWithToken(server, { name, ...(role ? { role } : {}) })
  const [nobody, viewer, author, owner, reviewer, admin] = await Promise.all([
    someone('nobody'),
    someone('viewer', 'VIEWER'),
    someone('author', 'AUTHOR'),
    someone('owner', 'AUTHOR'),
    someone('reviewer', 'REVIEWER'),
    someone('admin', 'ADMIN'),
  ])
  const program = (kind: string) =>
    actorWithToken(server, { kind, name: kind, role: 'ADMIN', ownerId: admin?.id ?? '' })
  const [agent, service] = await Promise.all([program('AGENT'), program('SERVICE')])
  people = { nobody, viewer, author, owner, reviewer, admin, agent, service }
  for (const name of Object.keys(projects) as (keyof typeof projects)[]) {
    const projectId = await readyProject(server)
    projects[name] = projectId
    // Not quick, so that only testDiff runs it; no worker does.
    const input = { projectId, name: 'a test', command: ['true'], quick: false }
    testCases.set(projectId, await made(server, 'createTestCase', { input }))
  }
  const { git } = server.context.services
  const { moveBranch } = git
  const holding: Pick<GitStore, 'moveBranch'> = {
    async moveBranch(projectId, ...move) {
      if (projectId === rowId(projects.held)) await held.promise
      return moveBranch.call(git, projectId, ...move)
    },
  }
  Object.assign(git, holding)
})
afterAll(async () => {
  held.resolve()
  await underWay
  await server[Symbol.asyncDispose]()
})

describe("the table of a diff's life", () => {
  it('has every state, every operation that takes a diff, and every caller', () => {
    const mutations = Object.values(schema.getMutationType()?.getFields() ?? {})
    const ofDiffs = mutations.filter(({ args }) => args.some(({ name }) => name === 'diffId')).map(({ name }) => name)
    const called = new Set(operations.map((operation) => calls[operation][0]))
    expect([...called].sort()).toEqual([...ofDiffs, 'deleteReviewComment'].sort())
    expect(Object.keys(table)).toEqual([...diffStatuses])
    for (const [state, row] of Object.entries(table)) {
      expect([state, Object.keys(row)]).toEqual([state, [...operations]])
      for (const outcomes of Object.values(row)) expect(outcomes).toHaveLength(callers.length)
    }
  })
})

describe.each(diffStatuses)('%s:', (state) => {
  it.each(operations)('%s', async (operation) => {
    const cells = callers.map((caller, index): [Caller, Outcome] => [caller, table[state][operation][index] ?? state])
    const diff = await lastingDiff(state)
    const before = await everythingOf(diff)
    const refused = cells.filter(([, outcome]) => outcome.endsWith('Error'))
    expect(await outcomesOf(diff, operation, refused)).toEqual(refused)
    expect(await everythingOf(diff)).toEqual(before)

    const lasting = cells.filter(([, outcome]) => outcome === state)
    expect(await outcomesOf(diff, operation, lasting)).toEqual(lasting)

    for (const [caller, outcome] of cells.filter(([, each]) => !each.endsWith('Error') && each !== state)) {
      const spent = await spentDiff(state, operation)
      expect([caller, await outcomeOf(spent, operation, caller)]).toEqual([caller, outcome])
    }
  })
})
