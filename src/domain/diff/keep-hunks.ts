import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { followingTestCases } from '../testing/detected-test-cases.ts'
import type { DiffRow } from './diff.entity.ts'
import { findReplaceable } from './find-replaceable.ts'
import { prepareDiff } from './prepare-diff.ts'
import { replaceDiff } from './replace-diff.ts'
import { selectHunks } from './select-hunks.ts'

const input = z.object({
  diffId: z.uuid(),
  hunks: z.array(z.number().int()).max(100_000),
  files: z.array(z.string()).max(2_000).nullish(),
})
export type KeepHunksInput = z.input<typeof input>

/**
 * A new diff of the chosen hunks only, on the same base; the old one is SUPERSEDED.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, PatchRejectedError, SyntaxRejectedError
 */
export const keepHunks = async (services: Services, viewer: Viewer, given: KeepHunksInput): Promise<string> => {
  const { diffId, hunks, files } = validate(input, given)
  const old = await transact(services, async (tx) => (await findReplaceable(tx, viewer, diffId)).diff as DiffRow)
  const parts = await services.git.patchParts(old.projectId, old.baseTree, old.resultTree)
  const patch = selectHunks(old.files, parts, hunks, files ?? [])
  const prepared = await prepareDiff(services, old.projectId, old.baseCommit, patch, { allowInvalidSyntax: false })
  const { projectId, id: earlierId } = old
  const all = await followingTestCases(services, { projectId, tree: prepared.resultTree, earlierId })
  const testCases = all.filter(({ quick }) => quick)
  return replaceDiff(services, { old, prepared, testCases, find: (tx) => findReplaceable(tx, viewer, diffId) })
}
