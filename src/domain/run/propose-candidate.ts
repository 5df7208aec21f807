import { pipelineActorId } from '../actor/ensure-actors.ts'
import type { Viewer } from '../actor/viewer.ts'
import { commitMessage, messageFromSummary } from '../commit-message/commit-message.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { prepareDiff } from '../diff/prepare-diff.ts'
import { proposePatch } from '../diff/propose-patch.ts'
import { InvalidTransitionError, NotFoundError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { refreshHead } from '../project/note-head.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, validate } from '../shared/validate.ts'
import { Sprint } from '../sprint/sprint.entity.ts'
import { testCasesOf } from '../testing/detected-test-cases.ts'
import { Candidate } from './candidate.entity.ts'
import { findRun } from './find-run.ts'
import { overrule } from './overrule.ts'

/** The diff of a candidate's work that waits for a person, is being committed, or is committed. */
const findDiffOf = async (tx: Transaction, candidateId: string): Promise<string | undefined> => {
  const found = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('candidateId', '=', candidateId)
    .where('status', 'in', [...pendingDiffStatuses, 'COMMITTING', 'COMMITTED'])
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  return found?.id
}

/** What is proposed: a candidate that has a result, of a run on which nobody works any more. */
const findProposable = async (tx: Transaction, viewer: Viewer, candidateId: string) => {
  const asked = { noun: 'candidate', id: candidateId }
  const found = await tx.em.findOne(Candidate, { id: candidateId }, { fields: ['runId'] })
  if (!found) throw new NotFoundError(asked.noun, asked.id)
  const run = await findRun(tx, viewer, found.runId, 'AUTHOR', asked)
  const project = await findReadyProject(tx, viewer, run.projectId, 'AUTHOR')
  const candidate = await tx.em.findOneOrFail(Candidate, { id: candidateId }, { refresh: true })
  if (candidate.status !== 'COMPLETED') {
    throw new InvalidTransitionError(
      'candidate',
      candidate.status,
      'PROPOSED',
      'Only one that has a result has a diff.',
    )
  }
  const { tree } = candidate
  if (tree == null || run.baseCommit == null || run.role === 'verifier' || run.purpose === 'DISCOVERY') {
    throw fieldFault('candidateId', `is of ${run.purpose}: it has a say, and no change of its own`)
  }
  if (run.status === 'RUNNING') {
    throw new InvalidTransitionError('run', run.status, 'PROPOSED', 'Wait for its decision, or cancel it.')
  }
  const sprint = run.sprintId == null ? null : await tx.em.findOneOrFail(Sprint, { id: run.sprintId })
  if (sprint && (sprint.status === 'ACTIVE' || sprint.status === 'AWAITING_PLAN_APPROVAL')) {
    throw new InvalidTransitionError('sprint', sprint.status, 'PROPOSED', 'Wait until it has ended, or cancel it.')
  }
  return { run, project, candidate, tree, baseCommit: run.baseCommit, sprint }
}

/**
 * Makes a diff of a candidate's work, also of one that was not selected: then the run's decision is the person's. It
 * goes through the same engine, safety report and tests as any other. Asked again, it gives the diff that there is,
 * unless that was rejected or superseded.
 * @returns the diff's id
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, PatchRejectedError
 */
export const proposeCandidate = async (
  services: Services,
  viewer: Viewer,
  candidateId: string,
  givenMessage: string | null | undefined,
): Promise<string> => {
  const message = givenMessage == null ? null : validate(commitMessage, givenMessage)
  const found = await transact(services, async (tx) => ({
    ...(await findProposable(tx, viewer, candidateId)),
    earlier: await findDiffOf(tx, candidateId),
  }))
  if (found.earlier !== undefined) return found.earlier
  const { run, project, candidate, sprint, baseCommit } = found
  const targetBranch = project.targetBranch ?? ''
  if (!(await services.git.branchContains(project.id, targetBranch, baseCommit))) {
    throw fieldFault(
      'candidateId',
      `its run began at ${baseCommit}, which is not a commit of the branch ${targetBranch}`,
    )
  }
  // On a head that is not known yet it could not become APPROVED.
  await refreshHead(services, project.id)
  const baseTree = await services.git.treeOf(project.id, baseCommit)
  const patch = await services.git.patchBetween(project.id, baseTree, found.tree)
  const prepared = await prepareDiff(services, project.id, baseCommit, patch, { allowInvalidSyntax: true })
  const diff = {
    projectId: project.id,
    origin: sprint ? 'SPRINT' : 'EXTERNAL',
    authorId: pipelineActorId,
    requestedById: run.createdById,
    candidateId,
    sprintId: run.sprintId ?? null,
    sessionId: null,
    iteration: sprint?.iteration ?? 1,
    supersedesId: null,
    targetBranch,
    prompt: run.message,
    commitMessage:
      message ?? messageFromSummary(candidate.output ?? '', sprint?.name ?? `Candidate ${candidate.label}`),
  } as const
  const testCases = (await testCasesOf(services, project.id, prepared.resultTree)).filter(({ quick }) => quick)
  return proposePatch(services, { diff, prepared, testCases }, (store) =>
    transact(services, async (tx) => {
      // The run is locked: of two who propose the same at once, the second finds the first one's diff.
      const now = await findProposable(tx, viewer, candidateId)
      const earlier = await findDiffOf(tx, candidateId)
      if (earlier !== undefined) return earlier
      await overrule(tx, viewer, now.run, candidateId)
      if (now.sprint) now.sprint.workingTree = found.tree
      return store(tx)
    }),
  )
}
