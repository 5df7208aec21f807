import { PatchRejectedError, RebaseConflictError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { followingTestCases } from '../testing/detected-test-cases.ts'
import { latestResults } from '../testing/latest-results.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import type { DiffRow } from './diff.entity.ts'
import { type PreparedDiff, prepareDiff } from './prepare-diff.ts'

/**
 * The diff's change on another commit of its branch, by a three-way merge in memory, evaluated like any other, with the
 * tests that are to be run on it. Stores nothing.
 * @throws RebaseConflictError, PatchRejectedError (NO_CHANGE when the branch has the change by now), SyntaxRejectedError
 */
export const prepareRebase = async (
  services: Services,
  old: DiffRow,
  head: string,
): Promise<{ readonly prepared: PreparedDiff; readonly testCases: readonly TestCaseRow[] }> => {
  const { git } = services
  const { projectId, targetBranch } = old
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
  const all = await followingTestCases(services, { projectId, tree: prepared.resultTree, earlierId: old.id })
  return { prepared, testCases: all.filter(({ quick, id }) => quick || needed.has(id)) }
}
