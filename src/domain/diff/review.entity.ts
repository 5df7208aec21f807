import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { Row } from '../shared/row.ts'
import { Diff } from './diff.entity.ts'

export const reviewVerdicts = ['APPROVE', 'REJECT'] as const
export type ReviewVerdict = (typeof reviewVerdicts)[number]

/** A person's decision. It holds for exactly one content, evaluation, base, message and policy. */
export const Review = defineEntity({
  name: 'Review',
  properties: {
    id: p.uuid().primary(),
    diffId: () => p.manyToOne(Diff).mapToPk().fieldName('diff_id').index(),
    reviewerId: () => p.manyToOne(Actor).mapToPk().fieldName('reviewer_id'),
    verdict: p.text().$type<ReviewVerdict>(),
    feedback: p.text().strictNullable(),
    contentHash: p.text(),
    evaluationHash: p.text(),
    baseCommit: p.text(),
    messageHash: p.text(),
    policyHash: p.text(),
    /** The review of the diff's earlier self that a rebase carried over. */
    carriedFromId: () => p.manyToOne(Review).mapToPk().strictNullable().fieldName('carried_from_id'),
    createdAt: p.datetime(),
  },
})
export type ReviewRow = Row<typeof Review>
