import { defineEntity, p } from '@mikro-orm/core'

/** Who works on a step, until when, and under which fencing number. */
export const Lease = defineEntity({
  name: 'Lease',
  properties: {
    /** For example `candidate:<id>`. */
    resource: p.text().primary(),
    owner: p.text(),
    fence: p.bigint('number'),
    until: p.datetime(),
    /** Somebody else wanted the step meanwhile: whoever holds it looks once more before letting go. */
    again: p.boolean(),
  },
})
