import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import type { DiffRow } from './diff.entity.ts'
import { findReplaceable } from './find-replaceable.ts'
import type { PreparedDiff } from './prepare-diff.ts'
import { proposePatch } from './propose-patch.ts'
import { changeDiffStatus } from './refresh-approval.ts'

/**
 * Stores a prepared change in the place of a diff: the same author, requester, sprint and message. The one that it
 * replaces is SUPERSEDED in the same transaction, and is looked at again there: of two at once one wins.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError
 */
export const replaceDiff = (
  services: Services,
  viewer: Viewer,
  old: DiffRow,
  prepared: PreparedDiff,
  testCases: readonly TestCaseRow[],
  also: (tx: Transaction, id: string) => Promise<void> = async () => {},
): Promise<string> => {
  const diff = {
    projectId: old.projectId,
    origin: old.origin,
    authorId: old.authorId,
    requestedById: old.requestedById,
    candidateId: old.candidateId,
    sprintId: old.sprintId,
    sessionId: old.sessionId,
    iteration: old.iteration,
    supersedesId: old.id,
    targetBranch: old.targetBranch,
    prompt: old.prompt,
    commitMessage: old.commitMessage,
  }
  return proposePatch(services, { diff, prepared, testCases }, (store) =>
    transact(services, async (tx) => {
      const found = await findReplaceable(tx, viewer, old.id)
      changeDiffStatus(tx, found.diff, 'SUPERSEDED')
      // A message that was changed meanwhile is not lost.
      const id = await store(tx, { commitMessage: found.diff.commitMessage })
      await tx.em.flush()
      await also(tx, id)
      return id
    }),
  )
}
