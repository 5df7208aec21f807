import type { Viewer } from '../actor/viewer.ts'
import { changeDiffStatus } from '../diff/change-diff-status.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { findDiff } from '../diff/find-diff.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { noteDiffView } from './diff-view.ts'

/** Marks that a person is looking at it; opening what is open changes nothing. @throws NotFoundError, ForbiddenError, InvalidTransitionError */
export const openReview = async (services: Services, viewer: Viewer, diffId: string): Promise<string> =>
  transact(services, async (tx) => {
    if (viewer.actor.kind !== 'HUMAN') throw new ForbiddenError('Only a person can review.')
    const { project, diff } = await findDiff(tx, viewer, diffId, 'REVIEWER')
    if (project.archivedAt) throw new InvalidTransitionError('project', project.status, 'READY')
    // The table lets a commit that is under way go back to review: by its settlement alone.
    if (!pendingDiffStatuses.includes(diff.status)) {
      throw new InvalidTransitionError('diff', diff.status, 'HUMAN_REVIEWING')
    }
    if (diff.status !== 'HUMAN_REVIEWING' && diff.status !== 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    await noteDiffView(tx, diffId, viewer.actor.id)
    return diffId
  })
