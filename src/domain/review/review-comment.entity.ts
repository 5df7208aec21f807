import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'
import type { Row } from '../shared/row.ts'
import { Review } from './review.entity.ts'

export const diffSides = ['BEFORE', 'AFTER'] as const
export type DiffSide = (typeof diffSides)[number]

/** A remark on a line of a diff: a draft of its author's until their next review sends it. */
export const ReviewComment = defineEntity({
  name: 'ReviewComment',
  properties: {
    id: p.uuid().primary(),
    diffId: () => p.manyToOne(Diff).mapToPk().fieldName('diff_id').index(),
    authorId: () => p.manyToOne(Actor).mapToPk().fieldName('author_id'),
    /** The review that sent it; null while it is a draft. */
    reviewId: () => p.manyToOne(Review).mapToPk().strictNullable().fieldName('review_id').index(),
    path: p.text(),
    side: p.text().$type<DiffSide>(),
    /** Counts from 1. */
    line: p.integer(),
    /** The line itself, as it was when the remark was made. */
    code: p.text(),
    text: p.text(),
    createdAt: p.datetime(),
  },
})
export type ReviewCommentRow = Row<typeof ReviewComment>
