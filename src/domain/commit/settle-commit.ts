import { LockMode } from '@mikro-orm/core'
import { evidenceHashOf } from '../commit-message/commit-message.ts'
import { changeDiffStatus } from '../diff/change-diff-status.ts'
import { type CommitIntent, Diff, type DiffRow } from '../diff/diff.entity.ts'
import { wishRebase } from '../diff/wish-rebase.ts'
import { ApprovalRequiredError, BaseDriftError } from '../errors.ts'
import type { CommitRequest } from '../ports/git-store.ts'
import { noteHead } from '../project/note-head.ts'
import { Project } from '../project/project.entity.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { openPush } from './change-push.ts'

/** A stored intent's commit, as git is given it. */
export const toCommitRequest = (request: CommitIntent['request']): CommitRequest => ({
  ...request,
  author: { ...request.author, at: new Date(request.author.at) },
  committer: { ...request.committer, at: new Date(request.committer.at) },
})

const storedHead = async (services: Services, projectId: string): Promise<string | null> => {
  const { headCommit } = await rows(services.em())
    .selectFrom('Project')
    .select('headCommit')
    .where('id', '=', projectId)
    .executeTakeFirstOrThrow()
  return headCommit
}

/** Whether the evidence is what the commit's message names. */
const isOfMessage = ({ evidence, request }: CommitIntent): boolean =>
  evidenceHashOf(request.message) === (evidence === undefined ? null : sha256(evidence))

/**
 * Puts the evidence beside a commit that has landed; doing it again changes nothing. The project's open intent is the
 * lock under which this is done, and the notes themselves move by compare-and-swap.
 */
const noteEvidence = async (
  { git }: Services,
  projectId: string,
  { oid, evidence, request }: CommitIntent,
): Promise<void> => {
  if (evidence !== undefined) await git.addNote(projectId, oid, Buffer.from(evidence), new Date(request.committer.at))
}

type Pending = Pick<DiffRow, 'projectId' | 'targetBranch' | 'resultTree' | 'baseCommit'>

/** @throws what `settleCommit` throws */
const settle = async (services: Services, diffId: string, pending: Pending, intent: CommitIntent): Promise<void> => {
  const { projectId, targetBranch } = pending
  const { git } = services
  const { tree, parents } = intent.request
  // Made again from stored values it has the same id; a crash may have come before it was made.
  const made = await git.writeCommit(projectId, toCommitRequest(intent.request))
  const isWhole = made === intent.oid && isOfMessage(intent)
  const isIntact = isWhole && tree === pending.resultTree && parents.join() === pending.baseCommit
  const landed =
    (await git.branchContains(projectId, targetBranch, intent.oid)) ||
    (isIntact && (await git.moveBranch(projectId, targetBranch, intent.from, intent.oid))) ||
    (await git.branchContains(projectId, targetBranch, intent.oid))
  if (landed && isWhole) await noteEvidence(services, projectId, intent)
  else if (landed)
    services.log.error(
      { diffId, projectId, oid: intent.oid },
      'a commit got no evidence: its stored intent was changed',
    )
  for (;;) {
    const known = await storedHead(services, projectId)
    const head = await git.branchHead(projectId, targetBranch)
    const settled = await transact(services, async (tx) => {
      const project = await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      const diff = await tx.em.findOneOrFail(Diff, { id: diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      if (diff.status !== 'COMMITTING') return { outcome: undefined, refusal: undefined }
      // Whoever stored a head since git was asked knows better: git is asked again.
      if ((project.headCommit ?? null) !== known) return undefined
      if (project.targetBranch === targetBranch) await noteHead(tx, project, head)
      diff.commitIntent = null
      if (landed) {
        diff.commitOid = intent.oid
        changeDiffStatus(tx, diff, 'COMMITTED')
        if (project.pushOnCommit && project.remoteUrl != null) openPush(tx, diffId)
        return { outcome: 'COMMITTED', refusal: undefined }
      }
      changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
      if (isIntact) wishRebase(tx, project, diff)
      const refusal = isIntact
        ? new BaseDriftError(targetBranch, intent.from, head ?? 'nothing')
        : new ApprovalRequiredError(['the stored intent is not the one that was decided on'])
      return { outcome: refusal.code, refusal }
    })
    if (settled?.outcome) services.measure.commitEnded(settled.outcome)
    if (settled?.refusal) throw settled.refusal
    if (settled) return
  }
}

/**
 * Brings a COMMITTING diff to its end: the branch reaches the commit and the evidence is beside it, or the branch had
 * moved. Safe to call again after a kill at any point, by anybody: whether the branch reaches the intent's commit decides.
 * @throws BaseDriftError when the branch had moved, ApprovalRequiredError when the stored intent is not of this diff;
 *   the diff is then back under review
 */
export const settleCommit = async (services: Services, diffId: string): Promise<void> => {
  const pending = await rows(services.em())
    .selectFrom('Diff')
    .select(['projectId', 'targetBranch', 'commitIntent', 'status', 'resultTree', 'baseCommit', 'trace'])
    .where('id', '=', diffId)
    .executeTakeFirst()
  if (pending?.status !== 'COMMITTING' || !pending.commitIntent) return
  const { projectId, commitIntent: intent, trace } = pending
  const facts = { diffId, projectId, commit: intent.oid }
  await services.tracer.span('commit', facts, () => settle(services, diffId, pending, intent), { trace })
}
