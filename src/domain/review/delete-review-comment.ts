import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { Diff } from '../diff/diff.entity.ts'
import { InvalidTransitionError, NotFoundError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { ReviewComment, type ReviewCommentRow } from './review-comment.entity.ts'

/**
 * Takes back a draft of one's own.
 * @returns the remark as it was
 * @throws NotFoundError (also for a draft of somebody else's), ForbiddenError, InvalidTransitionError once it was sent
 */
export const deleteReviewComment = async (services: Services, viewer: Viewer, id: string): Promise<ReviewCommentRow> =>
  transact(services, async (tx) => {
    const comment = await tx.em.findOne(ReviewComment, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (!comment) throw new NotFoundError('remark', id)
    const diff = await tx.em.findOneOrFail(Diff, { id: comment.diffId }, { fields: ['projectId'] })
    await requireProjectRole(tx.em, viewer, diff.projectId, 'VIEWER', { noun: 'remark', id })
    if (comment.reviewId != null) throw new InvalidTransitionError('remark', 'SENT', 'DELETED')
    if (comment.authorId !== viewer.actor.id) throw new NotFoundError('remark', id)
    const row = await rows(tx.em).selectFrom('ReviewComment').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    tx.em.remove(comment)
    return row
  })
