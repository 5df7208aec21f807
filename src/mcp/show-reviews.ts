import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { cut } from '../domain/shared/safe-text.ts'
import type { Loaders } from '../schema/loaders.ts'
import { maxComments, maxReviews, type ShownDiff } from './diff-shape.ts'

/** Of all reviews of an answer together, in characters: the longest feedback and a long remark or two. */
const maxReviewText = 64_000
/** Of the line that a remark is on. */
const maxCode = 4_000

const lengthOf = (texts: readonly (string | null)[]): number =>
  texts.reduce((sum, text) => sum + (text?.length ?? 0), 0)

/** What people and rules decided on a diff: of the latest as much as fits, oldest first, and how much that leaves out. */
export const showReviews = async (
  load: Loaders,
  diff: DiffRow,
): Promise<Pick<ShownDiff, 'reviews' | 'reviewsLeftOut'>> => {
  const { reviews, holding } = await load.approval.load(diff)
  const latest = reviews.slice(-maxReviews)
  const remarks = await Promise.all(latest.map(({ id }) => load.commentsOfReview.load(id)))
  const shown: ShownDiff['reviews'] = []
  let left = maxReviewText
  for (const [index, review] of latest.entries().toArray().toReversed()) {
    left -= lengthOf([review.feedback])
    if (left < 0) break
    const all = remarks[index] ?? []
    const comments: ShownDiff['reviews'][number]['comments'] = []
    for (const { path, side, line, code: whole, text } of all.slice(0, maxComments)) {
      const code = cut(whole, maxCode)
      left -= lengthOf([path, code, text])
      if (left < 0) break
      comments.push({ path, side, line, code, text })
    }
    shown.unshift({
      reviewer: review.reviewer.name,
      rule: review.rule,
      verdict: review.verdict,
      feedback: review.feedback,
      stillHolds: holding.has(review.id),
      comments,
      commentsLeftOut: all.length - comments.length,
      createdAt: review.createdAt.toISOString(),
    })
  }
  return { reviews: shown, reviewsLeftOut: reviews.length - shown.length }
}
