import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import type { EventBody } from '../event/event.ts'
import { Project } from '../project/project.entity.ts'
import type { Row } from '../shared/row.ts'

/** Where a project's events are sent, and how far that is: nothing is stored for an event that waits. */
export const Webhook = defineEntity({
  name: 'Webhook',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id').index(),
    url: p.text(),
    /** Null: all there are, also those that a later version adds. */
    eventTypes: p.json().$type<readonly EventBody['type'][]>().strictNullable(),
    /** Sealed; see the port. Null once deleted. */
    secret: p.text().strictNullable(),
    /** The place in the event log up to which nothing is left to deliver. */
    cursorXid: p.string().columnType('xid8'),
    cursorId: p.bigint('string'),
    /** Of the event that comes next, one after the other. */
    failures: p.integer(),
    /** Why the latest attempt failed; null when it did not. */
    lastError: p.text().strictNullable(),
    /** Not before this. */
    nextAt: p.datetime(),
    /** When a job was last asked for; null once one has begun. */
    askedAt: p.datetime().strictNullable(),
    lastDeliveredAt: p.datetime().strictNullable(),
    deadAt: p.datetime().strictNullable(),
    createdById: () => p.manyToOne(Actor).mapToPk().fieldName('created_by_id'),
    createdAt: p.datetime(),
    deletedAt: p.datetime().strictNullable(),
  },
})
export type WebhookRow = Row<typeof Webhook>
