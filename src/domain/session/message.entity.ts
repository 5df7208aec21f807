import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'
import { ModelCall } from '../run/model-call.entity.ts'
import type { Row } from '../shared/row.ts'
import { TestRun } from '../testing/test-run.entity.ts'
import { Session } from './session.entity.ts'
import { SessionTurn } from './session-turn.entity.ts'

export const messageRoles = ['USER', 'CODER', 'EVALUATOR'] as const
export type MessageRole = (typeof messageRoles)[number]

export type Verdict = 'APPROVED' | 'REJECTED' | 'FAILED'

/** What was said in a session, in the order of its time. */
export const Message = defineEntity({
  name: 'Message',
  properties: {
    id: p.uuid().primary(),
    sessionId: () => p.manyToOne(Session).mapToPk().fieldName('session_id'),
    turnId: () => p.manyToOne(SessionTurn).mapToPk().fieldName('turn_id').index(),
    role: p.text().$type<MessageRole>(),
    /** The round of coder and evaluator, from 1; 0 for a person's message. */
    iteration: p.integer(),
    /** The person who said it; null for an agent. */
    authorId: () => p.manyToOne(Actor).mapToPk().strictNullable().fieldName('author_id'),
    text: p.text(),
    /** The conversation of calls that it was said in; null for a person's. */
    scope: p.text().strictNullable(),
    /** The last of those calls; null when none was answered. */
    modelCallId: () => p.manyToOne(ModelCall).mapToPk().strictNullable().fieldName('model_call_id'),
    rehearsal: p.boolean(),
    /** Why the agent did not do its part; the text says it in words. */
    failure: p.text().strictNullable(),
    /** The evaluator's; FAILED when it could not judge. */
    verdict: p.text().$type<Verdict>().strictNullable(),
    /** The change that the coder submitted, as the workspace it makes; null when it only answered. */
    submittedTree: p.text().strictNullable(),
    /** The tests on it; null when the project has none. */
    testRunId: () => p.manyToOne(TestRun).mapToPk().strictNullable().fieldName('test_run_id'),
    /** What the evaluator was asked. */
    question: p.text().strictNullable(),
    /** The diff that the message is about: submitted, judged, or rejected by a person. */
    diffId: () => p.manyToOne(Diff).mapToPk().strictNullable().fieldName('diff_id').index(),
    createdAt: p.datetime(),
  },
  indexes: [{ name: 'message_session_id_created_at_index', properties: ['sessionId', 'createdAt'] }],
})
export type MessageRow = Row<typeof Message>
