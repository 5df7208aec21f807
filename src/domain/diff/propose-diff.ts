import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { refreshHead } from '../project/note-head.ts'
import { findEarlier, once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { quickTestCases } from '../testing/open-test-run.ts'
import { checkProposal, type ProposeDiffInput } from './check-proposal.ts'
import { prepareDiff } from './prepare-diff.ts'
import { proposePatch } from './propose-patch.ts'

const mutation = 'proposeDiff'

/**
 * A change from outside: a person's, or another agent's. Without a base commit, on the target branch's head.
 * @throws NotFoundError, ForbiddenError, ValidationError, PatchRejectedError, SyntaxRejectedError, CapacityError
 */
export const proposeDiff = async (services: Services, viewer: Viewer, given: ProposeDiffInput): Promise<string> => {
  const checked = await checkProposal(services, viewer, given)
  const { projectId } = checked
  // Asked again after the branch moved, the patch need not apply any more.
  const earlier = await transact(services, (tx) => findEarlier(tx, viewer, mutation, checked.clientMutationId))
  if (earlier !== undefined) return earlier
  // On a head that is not known yet it could not become APPROVED.
  await refreshHead(services, projectId)
  const prepared = await prepareDiff(services, projectId, checked.base, checked.content, {
    allowInvalidSyntax: checked.allowInvalidSyntax ?? false,
  })
  const diff = {
    projectId,
    origin: 'EXTERNAL',
    authorId: viewer.actor.id,
    requestedById: null,
    candidateId: null,
    sprintId: null,
    sessionId: null,
    iteration: 1,
    supersedesId: null,
    targetBranch: checked.branch,
    prompt: checked.prompt ?? null,
    commitMessage: checked.commitMessage,
  } as const
  const testCases = await quickTestCases(services, projectId)
  return proposePatch(services, { diff, prepared, testCases }, (store) =>
    transact(services, (tx) =>
      once(tx, viewer, mutation, checked.clientMutationId, async () => {
        if (testCases.length > 0) await requireCapacity(services, tx, projectId)
        return store(tx)
      }),
    ),
  )
}
