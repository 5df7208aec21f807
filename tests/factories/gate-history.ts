import { type DiffStatus, diffTransitions } from '../../src/domain/diff/diff.status.ts'
import { policyHash } from '../../src/domain/project/approval-policy.ts'
import { sha256 } from '../../src/domain/shared/canonical-hash.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { TestServer } from '../support/server.ts'
import { gitOf } from './gate.ts'
import { rowId } from './pipeline.ts'

/** All that happened to a project's diffs and branch, as rows, events and git have it. */
export interface GateHistory {
  readonly rule: { readonly policyHash: string; readonly requiredApprovals: number; readonly selfApproval: boolean }
  readonly diffs: readonly {
    readonly id: string
    readonly status: DiffStatus
    readonly authorId: string
    readonly baseCommit: string
    readonly resultTree: string
    readonly contentHash: string
    readonly evaluationHash: string
    readonly commitOid: string | null
    /** The commit that is decided on and may have landed. */
    readonly intendedOid: string | null
  }[]
  readonly reviews: readonly {
    readonly diffId: string
    readonly reviewerId: string
    readonly verdict: string
    readonly contentHash: string
    readonly evaluationHash: string
    readonly messageHash: string
    readonly policyHash: string
    readonly baseCommit: string
  }[]
  /** In the order in which they were stored. */
  readonly events: readonly { readonly diffId: string; readonly status: DiffStatus }[]
  /** The branch, from its head to its root. */
  readonly commits: readonly {
    readonly oid: string
    readonly tree: string
    readonly parents: readonly string[]
    readonly message: string
  }[]
}

/** What only those know who asked: the trees that they were shown, and the answers that they got. */
export interface Witnessed {
  readonly trees: ReadonlyMap<string, string>
  readonly committed: ReadonlySet<string>
  readonly rejected: ReadonlySet<string>
  readonly superseded: ReadonlySet<string>
}

/** Reads a project's history; nothing may go on in it. */
export const readHistory = async (server: TestServer, projectId: string): Promise<GateHistory> => {
  const db = rows(server.context.services.em())
  const id = rowId(projectId)
  const own = await db.selectFrom('Diff').select('id').where('projectId', '=', id).execute()
  // An empty list of values would not be a condition that SQL takes.
  const ids = [id, ...own.map((diff) => diff.id)]
  const [{ policy }, diffs, reviews, events, log] = await Promise.all([
    db.selectFrom('Project').select('policy').where('id', '=', id).executeTakeFirstOrThrow(),
    db
      .selectFrom('Diff')
      .innerJoin('SafetyEvaluation', 'SafetyEvaluation.id', 'Diff.safetyId')
      .select(['Diff.id', 'Diff.status', 'Diff.authorId', 'Diff.baseCommit', 'Diff.resultTree', 'Diff.contentHash'])
      .select(['SafetyEvaluation.evaluationHash', 'Diff.commitOid', 'Diff.commitIntent'])
      .where('Diff.projectId', '=', id)
      .execute(),
    db.selectFrom('Review').selectAll().where('diffId', 'in', ids).execute(),
    db.selectFrom('EventRecord').select('body').where('projectId', '=', id).orderBy('xid').orderBy('id').execute(),
    gitOf(server, projectId, 'log', '--format=%H%x1f%T%x1f%P%x1f%B%x1e', 'main'),
  ])
  return {
    rule: {
      policyHash: policyHash(policy),
      requiredApprovals: policy.requiredApprovals,
      selfApproval: policy.allowSelfApproval,
    },
    diffs: diffs.map(({ commitIntent, ...diff }) => ({ ...diff, intendedOid: commitIntent?.oid ?? null })),
    reviews,
    events: events.flatMap(({ body }) =>
      body.type === 'DiffChanged' ? [{ diffId: body.diffId, status: body.status }] : [],
    ),
    commits: log
      .split('\x1e')
      .map((entry) => entry.trim().split('\x1f'))
      .filter(([oid]) => oid !== '')
      .map(([oid = '', tree = '', parents = '', message = '']) => ({
        oid,
        tree,
        parents: parents.split(' ').filter((parent) => parent !== ''),
        message,
      })),
  }
}

const trailer = /^Countersign-Diff: (\S+)$/m

/** What in a history the gate must never let happen, in words; nothing when all of it is lawful. */
export const faultsOf = (history: GateHistory, witnessed?: Witnessed): readonly string[] => [
  ...unlawfulOrders(history),
  ...unlawfulCommits(history, witnessed),
  ...(witnessed ? brokenWords(history, witnessed) : []),
]

/** Each diff goes by the table from its proposal to where it is; the same status again is no step. */
const unlawfulOrders = ({ diffs, events }: GateHistory): string[] =>
  diffs.flatMap(({ id, status }) => {
    const seen = events.filter(({ diffId }) => diffId === id).map((event) => event.status)
    const steps = seen.slice(1).map((to, index) => [seen[index] ?? to, to] as const)
    const wrong = steps.filter(([from, to]) => {
      const next: readonly DiffStatus[] = diffTransitions[from]
      return from !== to && !next.includes(to)
    })
    return [
      ...(seen[0] === 'PROPOSED' ? [] : [`${id} began as ${seen[0]}`]),
      ...(seen.at(-1) === status ? [] : [`${id} is ${status} and was told to be ${seen.at(-1)}`]),
      ...wrong.map(([from, to]) => `${id} went from ${from} to ${to}`),
    ]
  })

const unlawfulCommits = (history: GateHistory, witnessed?: Witnessed): string[] => {
  const { commits, diffs, reviews } = history
  const made = commits.flatMap((commit) => {
    const id = trailer.exec(commit.message)?.[1]
    return id === undefined ? [] : [{ commit, id }]
  })
  return [
    ...commits.flatMap(({ oid, parents }, index) => {
      const below = commits[index + 1]?.oid
      return parents.join() === (below ?? '') ? [] : [`${oid} is not on ${below}`]
    }),
    ...diffs.flatMap(({ id, commitOid, status }) => {
      const own = made.filter((each) => each.id === id).map(({ commit }) => commit.oid)
      const isTold = own.join() === (commitOid ?? '') && (status === 'COMMITTED') === (commitOid !== null)
      return isTold || status === 'COMMITTING' ? [] : [`${id} is ${status}, and its commits are [${own}]`]
    }),
    ...made.flatMap(({ commit, id }) => {
      const diff = diffs.find((each) => each.id === id)
      if (!diff) return [`${commit.oid} is of no diff`]
      const shownTree = witnessed?.trees.get(id) ?? diff.resultTree
      const isOfDiff = [diff.commitOid, diff.intendedOid].includes(commit.oid)
      return [
        ...(commit.tree === diff.resultTree && commit.tree === shownTree
          ? []
          : [`${id} was committed as another tree`]),
        ...(commit.parents.join() === diff.baseCommit ? [] : [`${id} was committed on another base`]),
        ...(isOfDiff ? [] : [`${commit.oid} is not the commit of ${id}`]),
        ...(reviews.some(({ diffId, verdict }) => diffId === id && verdict === 'REJECT')
          ? [`${id} was committed and rejected`]
          : []),
        ...missingApprovals(history, diff, commit.message),
      ]
    }),
  ]
}

/**
 * Whether enough people approved just this, with this message. When they did is no question of clocks, which are read
 * before a row is waited for: no review is taken once a commit is decided on, as the orders show.
 */
const missingApprovals = (
  { reviews, rule }: GateHistory,
  diff: GateHistory['diffs'][number],
  message: string,
): string[] => {
  const words = message.slice(0, message.search(/\n\nCountersign-Diff: /))
  const approvers = reviews.filter(
    (review) =>
      review.diffId === diff.id &&
      review.verdict === 'APPROVE' &&
      review.contentHash === diff.contentHash &&
      review.evaluationHash === diff.evaluationHash &&
      review.baseCommit === diff.baseCommit &&
      review.messageHash === sha256(words) &&
      review.policyHash === rule.policyHash &&
      (rule.selfApproval || review.reviewerId !== diff.authorId),
  )
  const count = new Set(approvers.map(({ reviewerId }) => reviewerId)).size
  return count >= rule.requiredApprovals ? [] : [`${diff.id} was committed with ${count} approvals`]
}

/** What people were told stays so. */
const brokenWords = ({ commits, diffs }: GateHistory, witnessed: Witnessed): string[] => {
  const isNow = (id: string, status: DiffStatus) => diffs.find((diff) => diff.id === id)?.status === status
  const landed = new Set(commits.map(({ oid }) => oid))
  return [
    ...[...witnessed.committed].filter((oid) => !landed.has(oid)).map((oid) => `${oid} was said to have landed`),
    ...[...witnessed.rejected].filter((id) => !isNow(id, 'HUMAN_REJECTED')).map((id) => `${id} had been rejected`),
    ...[...witnessed.superseded].filter((id) => !isNow(id, 'SUPERSEDED')).map((id) => `${id} had been replaced`),
  ]
}
