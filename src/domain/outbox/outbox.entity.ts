import { defineEntity, p } from '@mikro-orm/core'

/** A job that a transaction asks for. The relay publishes it after the commit, under an id derived from this row. */
export const OutboxEntry = defineEntity({
  name: 'OutboxEntry',
  tableName: 'outbox',
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    job: p.text(),
    payload: p.json().$type<Readonly<Record<string, string>>>(),
    createdAt: p.datetime(),
    publishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    { name: 'outbox_created_at_index', properties: ['createdAt'] },
    {
      name: 'outbox_unpublished_index',
      expression: `create index "outbox_unpublished_index" on "outbox" ("id") where published_at is null`,
    },
  ],
})
