import { LockMode } from '@mikro-orm/core'
import type { Viewer } from '../actor/viewer.ts'
import { arrivedPushes, markPushed, retryPushes } from '../commit/change-push.ts'
import { InvalidTransitionError, RemoteError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { findProject } from './find-project.ts'
import { refreshHead } from './note-head.ts'
import { Project } from './project.entity.ts'
import { openRemote } from './remote-credential.ts'

/** Where the remote's branch stands as seen from ours. */
type Relation = 'SAME' | 'AHEAD' | 'BEHIND' | 'DIVERGED'

const relationOf = async (services: Services, projectId: string, ours: string, theirs: string): Promise<Relation> => {
  if (ours === theirs) return 'SAME'
  const { git } = services
  if ((await git.containedCommits(projectId, theirs, [ours])).length > 0) return 'AHEAD'
  return (await git.containedCommits(projectId, ours, [theirs])).length > 0 ? 'BEHIND' : 'DIVERGED'
}

/**
 * Moves the branch to what was fetched, by compare-and-swap: beside a commit at the same moment one of the two wins,
 * and the other looks again.
 */
const follow = async (services: Services, projectId: string, branch: string, theirs: string): Promise<Relation> => {
  for (;;) {
    const ours = await services.git.branchHead(projectId, branch)
    if (ours === null) throw new RemoteError(`The branch ${branch} is no longer there; nothing can follow it.`, '')
    const relation = await relationOf(services, projectId, ours, theirs)
    if (relation === 'DIVERGED') {
      throw new RemoteError(
        `The branch ${branch} has diverged: it is at ${ours} here and at ${theirs} at the remote, and neither has the other's commits. Merge the two outside, push the result to the remote, and sync again; or let the remote's branch go back to a commit that is here.`,
        '',
      )
    }
    if (relation !== 'AHEAD' || (await services.git.moveBranch(projectId, branch, ours, theirs))) return relation
  }
}

/**
 * Fetches the remote's target branch and follows it, never but forward. Where the remote is behind nothing moves here,
 * and pushes that failed are tried again.
 * @returns the project's id
 * @throws NotFoundError, ForbiddenError, ValidationError when there is no remote, InvalidTransitionError when the
 *   project is archived, RemoteError
 */
export const syncProject = async (services: Services, viewer: Viewer, id: string): Promise<string> => {
  const { branch, remote } = await transact(services, async (tx) => {
    const project = await findProject(tx, viewer, id, 'REVIEWER')
    if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
    if (project.status !== 'READY' || project.targetBranch == null) {
      throw fieldFault('id', `the project is ${project.status}; it must be READY`)
    }
    if (project.remoteUrl == null) throw fieldFault('id', 'the project has no remote: give one with updateProject')
    return { branch: project.targetBranch, remote: openRemote(services.secrets, project, project.remoteUrl) }
  })
  // The adapter's own time limit ends it.
  const signal = new AbortController().signal
  const { relation, arrived } = await services.git.fetchRemote(id, remote, branch, signal, async (theirs) => ({
    relation: await follow(services, id, branch, theirs),
    arrived: await arrivedPushes(services, id, theirs),
  }))
  // Also where nothing moved: a process that was killed may have moved the branch and noted nothing.
  await refreshHead(services, id)
  await transact(services, async (tx) => {
    const project = await tx.em.findOneOrFail(Project, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    await markPushed(tx, id, arrived)
    await tx.em.flush()
    if (relation === 'BEHIND' && project.pushOnCommit) await retryPushes(tx, id)
  })
  return id
}
