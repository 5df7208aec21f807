import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { prepareDiff } from '../diff/prepare-diff.ts'
import { findSameProposal, type Proposal, proposePatch } from '../diff/propose-patch.ts'
import { NotFoundError, PatchRejectedError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { refreshHead } from '../project/note-head.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { quickTestCases } from '../testing/open-test-run.ts'
import { readVersion } from './find-version.ts'
import type { VersionRow } from './version.entity.ts'

const maxSubject = 72

const rollbackMessage = ({ id, message, commitOid }: VersionRow): string => {
  const subject = `Roll back to "${message.trim().split('\n', 1)[0] ?? ''}"`
  const cut = subject.length > maxSubject ? `${subject.slice(0, maxSubject - 2)}…"` : subject
  return `${cut}\n\nThis brings back the content of version ${id} (commit ${commitOid}).`
}

/**
 * Proposes the change from the target branch's head to the version's content. A second click gives the proposal that
 * the first one made.
 * @returns the diff's id
 * @throws NotFoundError, ForbiddenError, ValidationError, PatchRejectedError (NO_CHANGE when the branch has this
 *   content), SyntaxRejectedError
 */
export const rollbackToVersion = async (services: Services, viewer: Viewer, versionId: string): Promise<string> => {
  const { git } = services
  const { version, branch } = await transact(services, async (tx) => {
    const found = await readVersion(tx.em, versionId)
    if (!found) throw new NotFoundError('version', versionId)
    await requireProjectRole(tx.em, viewer, found.projectId, 'AUTHOR', { noun: 'version', id: versionId })
    const project = await findReadyProject(tx, viewer, found.projectId, 'AUTHOR')
    return { version: found, branch: project.targetBranch ?? '' }
  })
  const { projectId } = version
  // On a head that is not known yet it could not become APPROVED.
  await refreshHead(services, projectId)
  const head = await git.branchHead(projectId, branch)
  if (head === null) throw fieldFault('versionId', `the branch ${branch} is gone`)
  const headTree = await git.treeOf(projectId, head)
  if (headTree === version.tree) {
    throw new PatchRejectedError('NO_CHANGE', `The branch ${branch} has the content of this version.`)
  }
  const patch = await git.patchBetween(projectId, headTree, version.tree)
  const prepared = await prepareDiff(services, projectId, head, patch, { allowInvalidSyntax: false })
  const proposal: Proposal = {
    prepared,
    testCases: await quickTestCases(services, projectId),
    diff: {
      projectId,
      origin: 'REVERT',
      authorId: viewer.actor.id,
      requestedById: null,
      candidateId: null,
      sprintId: null,
      iteration: 1,
      supersedesId: null,
      targetBranch: branch,
      prompt: null,
      commitMessage: rollbackMessage(version),
    },
  }
  return proposePatch(services, proposal, (store) =>
    transact(services, async (tx) => {
      // Locked: of two clicks at once the second finds the first one's proposal.
      await findReadyProject(tx, viewer, projectId, 'AUTHOR', true)
      return (await findSameProposal(tx, proposal)) ?? store(tx)
    }),
  )
}
