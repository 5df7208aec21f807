import type pg from 'pg'
import { runChild } from '../harness/child.ts'
import { type HandWritten, type Person, serveByHand } from '../harness/hand-server.ts'
import { cursorOf, type DiffOfList, filesOfList, globalId, localId, pending, type TestRunOfList } from './rows.ts'

interface ReviewOfList {
  readonly id: string
  readonly verdict: string
  readonly feedback: string | null
  readonly at: number
  readonly reviewer: string
  readonly name: string
}

/** One row a diff, with all that the list shows of it. */
interface ListedDiff extends DiffOfList {
  readonly author: string
  readonly run: TestRunOfList | null
  readonly reviews: readonly ReviewOfList[] | null
}

const listed = `diff.id, diff.status, diff.commit_message, diff.additions, diff.deletions, diff.created_at, diff.author_id,
  author.name as author, ${filesOfList},
  (select json_build_object('id', id, 'status', status, 'total', total, 'passed', passed, 'failed', failed)
    from test_run where diff_id = diff.id order by created_at desc limit 1) as run,
  (select json_agg(json_build_object('id', review.id, 'verdict', verdict, 'feedback', feedback,
      'at', extract(epoch from review.created_at) * 1000, 'reviewer', reviewer.id, 'name', reviewer.name)
      order by review.created_at)
    from review join actor reviewer on reviewer.id = review.reviewer_id where diff_id = diff.id) as reviews`

const shown = (diff: ListedDiff): object => ({
  id: globalId('Diff', diff.id),
  status: diff.status,
  commitMessage: diff.commit_message,
  additions: diff.additions,
  deletions: diff.deletions,
  createdAt: diff.created_at.toISOString(),
  author: { id: globalId('Actor', diff.author_id), name: diff.author },
  files: diff.files,
  latestTestRun: diff.run && { ...diff.run, id: globalId('TestRun', diff.run.id) },
  reviews: (diff.reviews ?? []).map(({ id, verdict, feedback, at, reviewer, name }) => ({
    id: globalId('Review', id),
    verdict,
    feedback,
    createdAt: new Date(at).toISOString(),
    reviewer: { id: globalId('Actor', reviewer), name },
  })),
})

const pageOf = (found: readonly ListedDiff[], first: number): object => {
  const nodes = found.slice(0, first)
  const last = nodes.at(-1)
  return {
    nodes: nodes.map(shown),
    pageInfo: { hasNextPage: found.length > first, endCursor: last ? cursorOf(last) : null },
  }
}

/** What somebody sees only as a member of its project. */
const isSeen = async (pool: pg.Pool, person: Person, projectId: string): Promise<boolean> => {
  if (person.role !== null) return true
  const { rowCount } = await pool.query({
    name: 'member',
    text: 'select from membership where project_id = $1 and actor_id = $2',
    values: [projectId, person.id],
  })
  return rowCount === 1
}

const operations = (pool: pg.Pool): Readonly<Record<string, HandWritten>> => ({
  async Diff({ id }: { readonly id: string }, person) {
    const { rows } = await pool.query({
      name: 'diff',
      text: `select diff.id, diff.project_id, diff.status, origin, base_commit, target_branch, content, content_hash,
          commit_message, additions, deletions, diff.created_at, author_id, author.name as author
        from diff join actor author on author.id = diff.author_id where diff.id = $1`,
      values: [localId(id)],
    })
    const [diff] = rows
    if (!diff || !(await isSeen(pool, person, diff.project_id))) return { node: null }
    return {
      node: {
        id,
        status: diff.status,
        origin: diff.origin,
        baseCommit: diff.base_commit,
        targetBranch: diff.target_branch,
        content: diff.content,
        contentHash: diff.content_hash,
        commitMessage: diff.commit_message,
        additions: diff.additions,
        deletions: diff.deletions,
        createdAt: diff.created_at.toISOString(),
        author: { id: globalId('Actor', diff.author_id), name: diff.author },
      },
    }
  },
  async Page({ project: id, first }: { readonly project: string; readonly first: number }, person) {
    const projectId = localId(id)
    const [projects, diffs] = await Promise.all([
      pool.query({ name: 'project', text: 'select name from project where id = $1', values: [projectId] }),
      pool.query<ListedDiff>({
        name: 'page',
        text: `select ${listed} from diff join actor author on author.id = diff.author_id
          where diff.project_id = $1 order by diff.created_at desc, diff.id desc limit $2`,
        values: [projectId, first + 1],
      }),
    ])
    const [project] = projects.rows
    if (!project || !(await isSeen(pool, person, projectId))) return { node: null }
    return { node: { id, name: project.name, diffs: pageOf(diffs.rows, first) } }
  },
  async Queue({ first }: { readonly first: number }, person) {
    const { rows } = await pool.query<ListedDiff>({
      name: 'queue',
      text: `select ${listed} from diff join actor author on author.id = diff.author_id
        where diff.status in ${pending} and diff.project_id in (select id from project where archived_at is null)
          and ($2 or diff.project_id in (select project_id from membership where actor_id = $3))
        order by diff.created_at, diff.id limit $1`,
      values: [first + 1, person.role !== null, person.id],
    })
    return { pendingDiffs: pageOf(rows, first) }
  },
})

await runChild(({ databaseUrl }: { readonly databaseUrl: string }) => serveByHand(databaseUrl, operations))
