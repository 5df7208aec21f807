import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'
import type { Role } from '../errors.ts'
import type { Row } from '../shared/row.ts'

export const reviewVerdicts = ['APPROVE', 'REJECT'] as const
export type ReviewVerdict = (typeof reviewVerdicts)[number]

/** A person's decision, or a policy rule's. It holds for exactly one content, evaluation, base, message and policy. */
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
    /** The most that the reviewer's token allowed; null for a rule's. */
    tokenRole: p.text().$type<Role>().strictNullable(),
    /** The auto-approve rule whose approval it is; null for a person's. */
    rule: p.text().strictNullable(),
    /** The review that this one carries on: of the diff's earlier self after a rebase, or under the earlier message. */
    carriedFromId: () => p.manyToOne(Review).mapToPk().strictNullable().fieldName('carried_from_id'),
    createdAt: p.datetime(),
  },
})
export type ReviewRow = Row<typeof Review>
