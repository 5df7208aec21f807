import type { Viewer } from '../actor/viewer.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { findProject } from './find-project.ts'
import { toProjectStatus } from './project.status.ts'

/** Whoever waits for a decision hears that none will come, and queues that they have lost an entry. */
const tellPendingDiffs = async (tx: Transaction, projectId: string): Promise<void> => {
  const pending = await rows(tx.em)
    .selectFrom('Diff')
    .select(['id', 'sprintId', 'sessionId', 'status'])
    .where('projectId', '=', projectId)
    .where('status', 'in', [...pendingDiffStatuses])
    .execute()
  for (const { id: diffId, sprintId, sessionId, status } of pending) {
    tx.emit({ projectId, sprintId, sessionId, diffId }, { type: 'DiffChanged', diffId, status })
  }
}

/** Takes a project out of use; what it has is kept. @throws NotFoundError, ForbiddenError, InvalidTransitionError */
export const archiveProject = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const project = await findProject(tx, viewer, id, 'ADMIN', true)
    project.status = toProjectStatus(project.status, 'ARCHIVED')
    project.archivedAt = tx.now
    await tellPendingDiffs(tx, id)
    return id
  })
