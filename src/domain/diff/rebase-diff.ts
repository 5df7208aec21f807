import type { Viewer } from '../actor/viewer.ts'
import { PatchRejectedError, RebaseConflictError } from '../errors.ts'
import { refreshHead } from '../project/note-head.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { latestResults } from '../testing/latest-results.ts'
import { projectTestCases } from '../testing/open-test-run.ts'
import { carryApprovals } from './carry-approvals.ts'
import type { DiffRow } from './diff.entity.ts'
import { findReplaceable } from './find-replaceable.ts'
import { prepareDiff } from './prepare-diff.ts'
import { replaceDiff } from './replace-diff.ts'

/**
 * The diff's change on the target branch's head, by a three-way merge in memory: a new diff, evaluated and tested like
 * any other, that takes the old one's place. The approvals come along once the conditions of `carryApprovals` hold.
 * @returns the new diff's id; the diff's own when its base is the head already
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, RebaseConflictError,
 *   PatchRejectedError (NO_CHANGE when the branch has the change by now), SyntaxRejectedError
 */
export const rebaseDiff = async (services: Services, viewer: Viewer, diffId: string): Promise<string> => {
  const { git } = services
  const old = await transact(services, async (tx) => (await findReplaceable(tx, viewer, diffId)).diff as DiffRow)
  const { projectId, targetBranch } = old
  await refreshHead(services, projectId)
  const head = await git.branchHead(projectId, targetBranch)
  if (head === null) throw fieldFault('diffId', `the branch ${targetBranch} is gone`)
  if (head === old.baseCommit) return old.id
  const merged = await git.mergeChange(projectId, { base: old.baseCommit, tree: old.resultTree }, head)
  if (merged.tree === null) throw new RebaseConflictError(targetBranch, merged.conflicts)
  const headTree = await git.treeOf(projectId, head)
  if (merged.tree === headTree) {
    throw new PatchRejectedError('NO_CHANGE', `The branch ${targetBranch} has this change already.`)
  }
  const { report } = await rows(services.em())
    .selectFrom('SafetyEvaluation')
    .select('report')
    .where('id', '=', old.safetyId)
    .executeTakeFirstOrThrow()
  const patch = await git.patchBetween(projectId, headTree, merged.tree)
  const prepared = await prepareDiff(services, projectId, head, patch, { allowInvalidSyntax: !report.syntaxValid })
  // What was green has to be green again; what has not ended yet may be needed for what was green before it.
  const results = await latestResults(services.em(), [old.id])
  const needed = new Set(
    results.flatMap(({ testCaseId, status }) => (status === 'PASSED' || !status ? [testCaseId] : [])),
  )
  const testCases = (await projectTestCases(services, projectId)).filter(({ quick, id }) => quick || needed.has(id))
  return replaceDiff(services, viewer, old, prepared, testCases, carryApprovals)
}
