import { defineEntity, p } from '@mikro-orm/core'
import type { Row } from '../shared/row.ts'
import type { EventBody } from './event.ts'

/**
 * What happened, written in the transaction that made it so. No foreign keys: the log outlives what it speaks of.
 * The cursor is (xid, id): ids are taken before the commit, so by id alone a row could appear behind what was read.
 */
export const EventRecord = defineEntity({
  name: 'EventRecord',
  tableName: 'event',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    xid: p.string().columnType('xid8').defaultRaw('pg_current_xact_id()'),
    at: p.datetime(),
    projectId: p.uuid(),
    specId: p.uuid().strictNullable(),
    sprintId: p.uuid().strictNullable(),
    sessionId: p.uuid().strictNullable(),
    diffId: p.uuid().strictNullable(),
    body: p.json().$type<EventBody>(),
  },
  indexes: [
    { name: 'event_xid_id_index', properties: ['xid', 'id'] },
    { name: 'event_project_index', properties: ['projectId', 'xid', 'id'] },
    { name: 'event_sprint_index', properties: ['sprintId', 'xid', 'id'] },
    { name: 'event_session_index', properties: ['sessionId', 'xid', 'id'] },
    { name: 'event_diff_index', properties: ['diffId', 'xid', 'id'] },
  ],
})
export type EventRow = Row<typeof EventRecord>
