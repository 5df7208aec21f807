import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { Row } from '../shared/row.ts'
import { Session } from './session.entity.ts'
import type { TurnStatus } from './turn.status.ts'

/** A reviewer's remark on a line of a diff, with the line. */
export interface Remark {
  /** The path and the line's number, in words. */
  readonly place: string
  readonly code: string
  readonly text: string
}

/** What a person says and all that the agents do about it: at most three rounds of coder and evaluator. */
export const SessionTurn = defineEntity({
  name: 'SessionTurn',
  properties: {
    id: p.uuid().primary(),
    sessionId: () => p.manyToOne(Session).mapToPk().fieldName('session_id'),
    /** Counts from 0; turns are taken in this order, one at a time. */
    position: p.integer(),
    status: p.text().$type<TurnStatus>(),
    /** Why it ended without an answer. */
    failure: p.text().strictNullable(),
    /** Whose wish it is: counts as self when what comes of it is approved. */
    requestedById: () => p.manyToOne(Actor).mapToPk().fieldName('requested_by_id'),
    /** What the person said. */
    words: p.text(),
    /** What they said about single lines of the diff that they rejected. */
    remarks: p.json().$type<readonly Remark[]>(),
    /** What the coder is told: the words, and before them what happened since it spoke last. Null until it begins. */
    prompt: p.text().strictNullable(),
    /** How many of the session's diffs were committed before it began; the evaluator remembers no earlier ones. */
    epoch: p.integer(),
    /** The commit that its diffs are on, and the coder's workspace at its beginning; null until it begins. */
    baseCommit: p.text().strictNullable(),
    startTree: p.text().strictNullable(),
    /** The coder's workspace at its end; null until then. */
    tree: p.text().strictNullable(),
    /** All that is done about it is a part of this trace. */
    trace: p.text().strictNullable(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
  uniques: [{ name: 'session_turn_position_unique', properties: ['sessionId', 'position'] }],
  indexes: [
    {
      name: 'session_turn_open_index',
      expression: `create index "session_turn_open_index" on "session_turn" ("session_id") where status in ('WAITING', 'RUNNING')`,
    },
  ],
})
export type SessionTurnRow = Row<typeof SessionTurn>
