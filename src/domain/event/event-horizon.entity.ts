import { defineEntity, p } from '@mikro-orm/core'

/** How far the event log was cut: what is at this place or before it is gone. One row, which a migration made. */
export const EventHorizon = defineEntity({
  name: 'EventHorizon',
  properties: {
    id: p.smallint().primary().autoincrement(false),
    xid: p.string().columnType('xid8'),
    eventId: p.bigint('string'),
    /** Everything that was removed happened before this; null while nothing was. */
    before: p.datetime().strictNullable(),
    /**
     * The ids of events after the horizon's transaction are larger; 0 where the log was never restored. A cursor of the
     * time that a restore has undone has a smaller one.
     */
    firstId: p.bigint('string'),
  },
})
