import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { changeLimits } from '../budget/change-limits.ts'
import { retryPushes } from '../commit/change-push.ts'
import { InvalidTransitionError, SourceRejectedError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { budgetInput, fieldFault, line, validate } from '../shared/validate.ts'
import { isBranchName } from './branch-name.ts'
import { checkRemoteUrl, isSameServer } from './check-remote-url.ts'
import { findProject } from './find-project.ts'
import { noteHead, refreshHead } from './note-head.ts'
import type { ProjectRow } from './project.entity.ts'
import { checkFits, remoteCredentialInput, sealCredential } from './remote-credential.ts'

const input = z.object({
  id: z.uuid(),
  name: line(200).nullish(),
  targetBranch: z.string().refine(isBranchName, 'is not a branch name that git takes').nullish(),
  remoteUrl: z.string().max(2_000, 'must have at most 2000 characters').nullish(),
  remoteCredential: remoteCredentialInput.nullish(),
  pushOnCommit: z.boolean().nullish(),
  budget: budgetInput.nullish(),
})
export type UpdateProjectInput = z.input<typeof input>
type Checked = z.output<typeof input>

type Remote = Pick<ProjectRow, 'remoteUrl' | 'remoteCredential' | 'pushOnCommit'>

/** What the remote will be. A stored credential is kept only while it goes to the server that it was given for. */
const nextRemote = (services: Services, project: ProjectRow, given: Checked): Remote => {
  const remoteUrl = given.remoteUrl === undefined ? project.remoteUrl : given.remoteUrl
  const pushOnCommit = given.pushOnCommit ?? project.pushOnCommit
  if (remoteUrl === null) {
    if (given.remoteCredential) throw fieldFault('remoteCredential', 'needs a remote: give remoteUrl as well')
    if (pushOnCommit) throw fieldFault('pushOnCommit', 'needs a remote: give remoteUrl, or turn pushOnCommit off')
    return { remoteUrl, remoteCredential: null, pushOnCommit }
  }
  const target = checkRemoteUrl(services, remoteUrl, 'remoteUrl')
  if (given.remoteCredential) {
    checkFits(target.protocol, given.remoteCredential, 'remoteCredential')
    const remoteCredential = sealCredential(services.secrets, project.id, given.remoteCredential)
    return { remoteUrl, remoteCredential, pushOnCommit }
  }
  const isKept = given.remoteCredential === undefined && leadsToSameServer(services, project.remoteUrl, target)
  return { remoteUrl, remoteCredential: isKept ? project.remoteCredential : null, pushOnCommit }
}

const leadsToSameServer = (services: Services, url: string | null, target: ReturnType<Services['checkRemoteUrl']>) => {
  if (url === null) return false
  try {
    return isSameServer(services.checkRemoteUrl(url), target)
  } catch (error) {
    // No longer allowed by the configuration, and so no server that anything was kept for.
    if (error instanceof SourceRejectedError) return false
    throw error
  }
}

const isRemoteGiven = ({ remoteUrl, remoteCredential, pushOnCommit }: Checked): boolean =>
  remoteUrl !== undefined || remoteCredential !== undefined || pushOnCommit != null

const findUpdatable = async (tx: Transaction, viewer: Viewer, id: string) => {
  const project = await findProject(tx, viewer, id, 'ADMIN', true)
  if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
  if (project.status === 'READY') return project
  throw fieldFault('id', `the project is ${project.status}; it must be READY`)
}

/**
 * Changes the given fields. The remote, its credential and the budget's limits are removed by null. Another target
 * branch puts diffs that were approved on the old one's head back under review.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError when the project is archived
 */
export const updateProject = async (services: Services, viewer: Viewer, given: UpdateProjectInput): Promise<string> => {
  const checked = validate(input, given)
  const { id, targetBranch } = checked
  await transact(services, (tx) => findUpdatable(tx, viewer, id))
  const head = targetBranch == null ? null : await services.git.branchHead(id, targetBranch)
  if (targetBranch != null && head === null) {
    throw fieldFault('targetBranch', `the repository has no branch ${JSON.stringify(targetBranch)}`)
  }
  await transact(services, async (tx) => {
    const project = await findUpdatable(tx, viewer, id)
    if (isRemoteGiven(checked)) {
      Object.assign(project, nextRemote(services, project as ProjectRow, checked))
      if (project.pushOnCommit) await retryPushes(tx, id)
    }
    if (checked.name != null) project.name = checked.name
    if (checked.budget !== undefined) await changeLimits(tx, project.budgetId, checked.budget)
    if (targetBranch != null && targetBranch !== project.targetBranch) {
      // A commit that is under way ends on its own branch, and says nothing of this one's head.
      project.targetBranch = targetBranch
      await noteHead(tx, project, head)
    }
  })
  // The branch may have moved since git was asked.
  if (targetBranch != null) await refreshHead(services, id)
  return id
}
