import { settleCommitJob } from '../../jobs/settle-commit.ts'
import { Actor, type ActorRow } from '../actor/actor.entity.ts'
import type { Viewer } from '../actor/viewer.ts'
import { loadApproval } from '../approval/load-approval.ts'
import { changeDiffStatus } from '../diff/change-diff-status.ts'
import type { CommitIntent, DiffRow } from '../diff/diff.entity.ts'
import { reviewableStatuses } from '../diff/diff.status.ts'
import { findDiff } from '../diff/find-diff.ts'
import {
  ApprovalRequiredError,
  BaseDriftError,
  DomainError,
  ForbiddenError,
  InvalidTransitionError,
} from '../errors.ts'
import { statedApproval } from '../evidence/check-approval.ts'
import { collectEvidence } from '../evidence/collect-evidence.ts'
import { sealStatement } from '../evidence/envelope.ts'
import { statementOf } from '../evidence/statement.ts'
import { noteHead } from '../project/note-head.ts'
import { evaluationHash } from '../safety/evaluate-change.ts'
import { canonicalHash, sha256 } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { draftCommit, requestOf } from './commit-request.ts'
import { confirmCommit } from './confirm-commit.ts'
import { settleCommit, toCommitRequest } from './settle-commit.ts'
import { readShown, type Shown, shownHash } from './shown-change.ts'

/** What in a diff's rows is not what was proposed and evaluated, in words. */
const alterations = async (tx: Transaction, diff: DiffRow): Promise<readonly string[]> => {
  const evaluation = await rows(tx.em)
    .selectFrom('SafetyEvaluation')
    .select(['baseTree', 'resultTree', 'analyzerVersion', 'evaluationHash', 'report'])
    .where('id', '=', diff.safetyId)
    .executeTakeFirstOrThrow()
  const { report, analyzerVersion } = evaluation
  return [
    ...(sha256(diff.content) === diff.contentHash ? [] : ['the stored patch is not the one that was proposed']),
    ...(evaluation.resultTree === diff.resultTree && evaluation.baseTree === diff.baseTree
      ? []
      : ['the evaluation is not of this change']),
    ...(evaluationHash(report, { ...evaluation, analyzerVersion }) === evaluation.evaluationHash
      ? []
      : ['the stored evaluation is not the one that was made']),
  ]
}

/** What git said between the two transactions. */
interface Seen {
  /** The branch's commit, null when it is gone, and what the project's row said before git was asked. */
  readonly head: { readonly oid: string | null; readonly known: string | null }
  readonly shown: Shown
}

/** The commit and the signed statement of what it rests on, which its message names. */
type Countersigned = Required<Pick<CommitIntent, 'request' | 'evidence'>>

interface Plan {
  readonly projectId: string
  readonly baseTree: string
  readonly resultTree: string
  readonly content: string
  readonly targetBranch: string
  readonly knownHead: string | null
  /** Where the diff was made. */
  readonly trace: string | null
  /** Another diff whose commit is under way. */
  readonly open: string | undefined
  /** @param changeDigest of the two trees */
  countersign(changeDigest: string): Countersigned
  decide(oid: string, countersigned: Countersigned): void
}

/** Looks at a locked diff. What refuses it is given back, not thrown: the look itself is stored. */
const look = async (
  services: Services,
  tx: Transaction,
  viewer: Viewer,
  diffId: string,
  at: Date,
  git?: Seen,
): Promise<Plan | { readonly refusal: DomainError }> => {
  const { diff, project } = await findDiff(tx, viewer, diffId, 'REVIEWER')
  const isPerson = viewer.actor.kind === 'HUMAN'
  if (!isPerson && !project.policy.agentsMayCommit) throw new ForbiddenError('Only a person can commit.')
  if (!reviewableStatuses.includes(diff.status)) throw new InvalidTransitionError('diff', diff.status, 'COMMITTING')
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  const refuse = (refusal: DomainError) => {
    if (diff.status === 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    return { refusal }
  }
  const approval = await loadApproval(tx.em, diff)
  const missing = [
    ...(await alterations(tx, diff as DiffRow)),
    ...(git && git.shown.patchTree !== diff.resultTree
      ? ['the stored patch does not give the result that was evaluated: propose it again']
      : []),
    ...(git && git.shown.hash !== shownHash(diff)
      ? ['what is stored of its files, as people were shown them, is not what its trees say: propose it again']
      : []),
    ...approval.state.missing,
  ]
  if (missing.length > 0) return refuse(new ApprovalRequiredError(missing))
  if (!isPerson && !approval.approvedByPeople) {
    throw new ForbiddenError('An agent or service commits only what people approved. No person has approved this diff.')
  }
  const { targetBranch, baseCommit } = diff
  if (git && git.head.oid !== baseCommit) {
    const { oid, known } = git.head
    // A commit that was settled since git was asked knows better.
    const isOfBranch = project.headCommit === known && project.targetBranch === targetBranch
    if (isOfBranch) await noteHead(tx, project, oid)
    return refuse(new BaseDriftError(targetBranch, baseCommit, oid ?? 'nothing'))
  }
  const open = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', project.id)
    .where('status', '=', 'COMMITTING')
    .executeTakeFirst()
  const author = (await tx.em.findOneOrFail(Actor, { id: diff.authorId })) as ActorRow
  const committer = viewer.actor
  const draft = draftCommit(diff as DiffRow, author, { actor: committer, at })
  const evidence = await collectEvidence(tx.em, { diff: diff as DiffRow, approval, draft, author, committer })
  return {
    projectId: project.id,
    baseTree: diff.baseTree,
    resultTree: diff.resultTree,
    content: diff.content,
    targetBranch,
    knownHead: project.headCommit ?? null,
    trace: diff.trace ?? null,
    open: open?.id,
    countersign(changeDigest) {
      const sealed = sealStatement(services.signer, statementOf(evidence, changeDigest))
      const { missing: unshown, reviewers } = statedApproval(evidence)
      if (unshown.length > 0) throw new Error(`The evidence of ${diffId} does not show: ${unshown.join('; ')}`)
      const trailers = { diffId, reviewers, evidenceHash: sha256(sealed) }
      return { request: requestOf(draft, trailers), evidence: sealed }
    },
    decide(oid, countersigned) {
      diff.commitIntent = { oid, from: baseCommit, committerId: committer.id, ...countersigned }
      if (diff.status !== 'APPROVED') changeDiffStatus(tx, diff, 'APPROVED')
      changeDiffStatus(tx, diff, 'COMMITTING')
      tx.enqueue(settleCommitJob, { diffId })
    },
  }
}

/** A refusal, which is how this commit came to its end. */
const counted = ({ measure }: Services, refusal: DomainError): DomainError => {
  measure.commitEnded(refusal.code)
  return refusal
}

/** Another diff's commit is brought to its end; how it ends is told to whoever asked for it. */
const settleOther = async (services: Services, diffId: string): Promise<void> => {
  try {
    await settleCommit(services, diffId)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
  }
}

/**
 * Puts an approved diff on its branch. Decided in one transaction, which stores the commit's id; then the ref moves by
 * compare-and-swap; then the outcome is settled. Two at once: one wins, the other gets BaseDriftError. An APPROVED diff
 * that is refused is back under review.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError, ApprovalRequiredError, BaseDriftError
 */
export const commitDiff = async (services: Services, viewer: Viewer, diffId: string): Promise<string> => {
  const at = services.clock()
  const first = await transact(services, (tx) => look(services, tx, viewer, diffId, at))
  if ('refusal' in first) throw counted(services, first.refusal)
  const facts = { step: 'commit diff', diffId, projectId: first.projectId }
  return services.tracer.join(first.trace, facts, () => carryOut(services, viewer, diffId, at, first))
}

const carryOut = async (services: Services, viewer: Viewer, diffId: string, at: Date, first: Plan): Promise<string> => {
  let seen: Awaited<ReturnType<typeof look>> = first
  for (;;) {
    if ('refusal' in seen) throw counted(services, seen.refusal)
    const { projectId, baseTree, resultTree, targetBranch, knownHead } = seen
    if (seen.open) await settleOther(services, seen.open)
    const source = await services.git.evidenceSource(projectId)
    const changeDigest = await source.changeDigest(baseTree, resultTree)
    const countersigned = seen.countersign(changeDigest)
    // The object may be made before the decision: nothing points to it.
    const oid = await services.git.writeCommit(projectId, toCommitRequest(countersigned.request))
    const shown = await readShown(services.git, seen)
    const head = { oid: await services.git.branchHead(projectId, targetBranch), known: knownHead }
    let decided = false
    seen = await transact(services, async (tx) => {
      const now = await look(services, tx, viewer, diffId, at, { head, shown })
      if ('refusal' in now || now.open) return now
      // Somebody's commit landed since git was asked: decided on, this one could only lose.
      if (now.knownHead !== head.known) return now
      // The commit's id covers all of it: people, approvals, tests and costs are still what they were.
      if (canonicalHash(now.countersign(changeDigest)) !== canonicalHash(countersigned)) return now
      now.decide(oid, countersigned)
      decided = true
      return now
    })
    if (!decided) continue
    await settleCommit(services, diffId)
    await confirmCommit(services, diffId, oid)
    return diffId
  }
}
