import type { Viewer } from '../actor/viewer.ts'
import { ForbiddenError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { noteDiffView } from './diff-view.ts'
import { findDiff } from './find-diff.ts'
import { changeDiffStatus } from './refresh-approval.ts'

/** Marks that a person is looking at it; opening what is open changes nothing. @throws NotFoundError, ForbiddenError, InvalidTransitionError */
export const openReview = async (services: Services, viewer: Viewer, diffId: string): Promise<string> =>
  transact(services, async (tx) => {
    if (viewer.actor.kind !== 'HUMAN') throw new ForbiddenError('Only a person can review.')
    const { diff } = await findDiff(tx, viewer, diffId, 'REVIEWER')
    if (diff.status !== 'HUMAN_REVIEWING' && diff.status !== 'APPROVED') changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    await noteDiffView(tx, diffId, viewer.actor.id)
    return diffId
  })
