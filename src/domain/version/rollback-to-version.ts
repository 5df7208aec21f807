import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { proposeReturn } from '../diff/propose-return.ts'
import { NotFoundError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { refreshHead } from '../project/note-head.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
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
  return proposeReturn(
    services,
    viewer,
    {
      projectId,
      branch,
      head,
      tree: version.tree,
      earlierId: null,
      commitMessage: rollbackMessage(version),
      nothingToDo: `The branch ${branch} has the content of this version.`,
    },
    (tx) => findReadyProject(tx, viewer, projectId, 'AUTHOR', true),
  )
}
