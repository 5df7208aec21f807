import type { Viewer } from '../actor/viewer.ts'
import { PatchRejectedError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { followingTestCases } from '../testing/detected-test-cases.ts'
import { prepareDiff } from './prepare-diff.ts'
import { findSameProposal, type Proposal, proposePatch } from './propose-patch.ts'

/** A branch, as it is, and the tree that it shall have again. */
export interface Return {
  readonly projectId: string
  readonly branch: string
  readonly head: string
  readonly tree: string
  readonly commitMessage: string
  /** The diff that it takes back, where it is one. */
  readonly earlierId: string | null
  /** What to say when the branch has that tree. */
  readonly nothingToDo: string
}

/**
 * Proposes to bring a branch back to what was there before. A second click on the same head gives the proposal that the
 * first one made.
 * @param lock locks in the storing transaction what both clicks share
 * @returns the diff's id
 * @throws PatchRejectedError (NO_CHANGE when the branch has the tree), SyntaxRejectedError, and what `lock` throws
 */
export const proposeReturn = async (
  services: Services,
  viewer: Viewer,
  { projectId, branch, head, tree, commitMessage, earlierId, nothingToDo }: Return,
  lock: (tx: Transaction) => Promise<unknown>,
): Promise<string> => {
  const { git } = services
  const headTree = await git.treeOf(projectId, head)
  if (headTree === tree) throw new PatchRejectedError('NO_CHANGE', nothingToDo)
  const patch = await git.patchBetween(projectId, headTree, tree)
  const prepared = await prepareDiff(services, projectId, head, patch, { allowInvalidSyntax: false })
  const testCases = await followingTestCases(services, { projectId, tree: prepared.resultTree, earlierId })
  const proposal: Proposal = {
    prepared,
    testCases: testCases.filter(({ quick }) => quick),
    diff: {
      projectId,
      origin: 'REVERT',
      authorId: viewer.actor.id,
      requestedById: null,
      candidateId: null,
      sprintId: null,
      sessionId: null,
      iteration: 1,
      supersedesId: null,
      targetBranch: branch,
      prompt: null,
      commitMessage,
    },
  }
  return proposePatch(services, proposal, (store) =>
    transact(services, async (tx) => {
      await lock(tx)
      return (await findSameProposal(tx, proposal)) ?? store(tx)
    }),
  )
}
