import { defineEntity, p } from '@mikro-orm/core'

/** A job that a transaction asks for. The relay publishes it after the commit, under an id derived from this row. */
export const OutboxEntry = defineEntity({
  name: 'OutboxEntry',
  tableName: 'outbox',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    job: p.text(),
    payload: p.json().$type<Readonly<Record<string, string>>>(),
    /** For whom it is done: projects take turns. Null for a job of none. */
    projectId: p.uuid().strictNullable(),
    /** Where the one who asked stood in a trace, as `Tracer.current` says it; the job is a part of that. */
    trace: p.text().strictNullable(),
    createdAt: p.datetime(),
    /**
     * A time before it was in the queue, which recovery compares with a wipe: when a relay began to publish it, or, where
     * the process that stored it did, when its transaction began. Set once it is in the queue.
     */
    publishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    { name: 'outbox_created_at_index', properties: ['createdAt'] },
    { name: 'outbox_published_at_index', properties: ['publishedAt'] },
    {
      name: 'outbox_unpublished_index',
      expression: `create index "outbox_unpublished_index" on "outbox" ("job", coalesce("project_id", '00000000-0000-0000-0000-000000000000'), "id") where published_at is null`,
    },
  ],
})
