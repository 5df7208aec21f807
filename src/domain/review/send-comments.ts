import type { Transaction } from '../shared/transact.ts'
import { ReviewComment, type ReviewCommentRow } from './review-comment.entity.ts'

/** Sends a reviewer's drafts on a diff with their review. @returns them, in the order of their places */
export const sendComments = async (
  tx: Transaction,
  diffId: string,
  authorId: string,
  reviewId: string,
): Promise<readonly ReviewCommentRow[]> => {
  const drafts = await tx.em.find(
    ReviewComment,
    { diffId, authorId, reviewId: null },
    { orderBy: { path: 'asc', line: 'asc', createdAt: 'asc' } },
  )
  for (const draft of drafts) draft.reviewId = reviewId
  return drafts as readonly ReviewCommentRow[]
}

/** Where a remark stands, in words. */
export const placeOf = ({ path, side, line }: ReviewCommentRow): string =>
  `${path}, line ${line}${side === 'BEFORE' ? ' (as it was before the change)' : ''}`

/** What a reviewer has to say, as one message: the feedback, then each remark with the line that it is on. */
export const feedbackMessage = (feedback: string | null, comments: readonly ReviewCommentRow[]): string =>
  [
    ...(feedback === null ? [] : [feedback]),
    ...comments.map((comment) => `${placeOf(comment)}:\n    ${comment.code}\n${comment.text}`),
  ].join('\n\n')
