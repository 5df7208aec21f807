import { settleCommitJob } from '../../jobs/settle-commit.ts'
import type { ActorRow } from '../actor/actor.entity.ts'
import { Actor } from '../actor/actor.entity.ts'
import type { Viewer } from '../actor/viewer.ts'
import { ApprovalRequiredError, BaseDriftError, ForbiddenError, InvalidTransitionError } from '../errors.ts'
import { canonicalHash, sha256 } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { withTrailers } from './commit-message.ts'
import type { CommitIntent, DiffRow } from './diff.entity.ts'
import { findDiff } from './find-diff.ts'
import type { Approval } from './load-approval.ts'
import { changeDiffStatus, refreshApproval } from './refresh-approval.ts'
import { settleCommit, toCommitRequest } from './settle-commit.ts'

const signatureOf = (actor: Pick<ActorRow, 'id' | 'name' | 'email'>, at: Date) => ({
  name: actor.name,
  email: actor.email ?? `${actor.id}@countersign.invalid`,
  at: at.toISOString(),
})

const requestOf = async (
  tx: Transaction,
  diff: DiffRow,
  approval: Approval,
  committer: ActorRow,
  at: Date,
): Promise<CommitIntent['request']> => {
  const author = await tx.em.findOneOrFail(Actor, { id: diff.authorId })
  const reviewers = approval.reviews
    .filter((review) => review.verdict === 'APPROVE' && approval.holding.has(review.id))
    .map(({ reviewer }) => signatureOf(reviewer, at))
    .map(({ name, email }) => `${name} <${email}>`)
  return {
    tree: diff.resultTree,
    parents: [diff.baseCommit],
    message: withTrailers(diff.commitMessage, diff.id, [...new Set(reviewers)]),
    author: signatureOf(author as ActorRow, diff.createdAt),
    committer: signatureOf(committer, at),
  }
}

/** What must be true of a locked diff for it to be committed now. */
const checkCommittable = async (tx: Transaction, diff: DiffRow): Promise<Approval> => {
  if (diff.status === 'COMMITTING' || diff.status === 'COMMITTED') {
    throw new InvalidTransitionError('diff', diff.status, 'COMMITTING')
  }
  const approval = await refreshApproval(tx, diff.id)
  if (!approval) throw new Error(`The diff ${diff.id} disappeared.`)
  const evaluation = await rows(tx.em)
    .selectFrom('SafetyEvaluation')
    .select(['baseTree', 'resultTree'])
    .where('id', '=', diff.safetyId)
    .executeTakeFirstOrThrow()
  const altered = [
    ...(sha256(diff.content) === diff.contentHash ? [] : ['the stored patch is not the one that was proposed']),
    ...(evaluation.resultTree === diff.resultTree && evaluation.baseTree === diff.baseTree
      ? []
      : ['the evaluation is not of this change']),
  ]
  const missing = [...altered, ...approval.state.missing]
  if (missing.length > 0) throw new ApprovalRequiredError(missing)
  return approval
}

interface Plan {
  readonly request: CommitIntent['request']
  readonly from: string
}

const plan = async (tx: Transaction, viewer: Viewer, diffId: string, head: string | null, at: Date) => {
  const { diff, project } = await findDiff(tx, viewer, diffId, 'REVIEWER')
  const approval = await checkCommittable(tx, diff)
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  const open = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', project.id)
    .where('status', '=', 'COMMITTING')
    .executeTakeFirst()
  const request = await requestOf(tx, diff as DiffRow, approval, viewer.actor, at)
  if (head !== null && head !== diff.baseCommit) throw new BaseDriftError(diff.targetBranch, diff.baseCommit, head)
  return { diff, request, from: diff.baseCommit, open: open?.id } satisfies Plan & Record<string, unknown>
}

/**
 * Puts an approved diff on its branch. Decided in one transaction, which stores the commit's id; then the ref moves by
 * compare-and-swap; then the outcome is settled. Two at once: one wins, the other gets BaseDriftError.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError, ApprovalRequiredError, BaseDriftError
 */
export const commitDiff = async (services: Services, viewer: Viewer, diffId: string): Promise<string> => {
  if (viewer.actor.kind !== 'HUMAN') throw new ForbiddenError('Only a person can commit.')
  const at = services.clock()
  const seen = await transact(services, (tx) => plan(tx, viewer, diffId, null, at))
  if (seen.open) await settleCommit(services, seen.open)
  const { projectId, targetBranch } = seen.diff
  // The object may be made before the decision: nothing points to it.
  const oid = await services.git.writeCommit(projectId, toCommitRequest(seen.request))
  const head = await services.git.branchHead(projectId, targetBranch)
  await transact(services, async (tx) => {
    const { diff, request, from, open } = await plan(tx, viewer, diffId, head ?? '', at)
    if (open) throw new BaseDriftError(targetBranch, from, `another commit, which is under way`)
    if (canonicalHash(request) !== canonicalHash(seen.request)) {
      throw new ApprovalRequiredError(['what would be committed changed while it was being prepared: try again'])
    }
    diff.commitIntent = { oid, from, committerId: viewer.actor.id, request }
    changeDiffStatus(tx, diff, 'COMMITTING')
    tx.enqueue(settleCommitJob, { diffId })
  })
  await settleCommit(services, diffId)
  return diffId
}
