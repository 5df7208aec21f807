import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { findProject } from './find-project.ts'
import { toProjectStatus } from './project.status.ts'

/** Takes a project out of use; what it has is kept. @throws NotFoundError, ForbiddenError, InvalidTransitionError */
export const archiveProject = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const project = await findProject(tx, viewer, id, 'ADMIN', true)
    project.status = toProjectStatus(project.status, 'ARCHIVED')
    project.archivedAt = tx.now
    return id
  })
