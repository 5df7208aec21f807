import { defineEntity, p } from '@mikro-orm/core'

/** Who works on a step, until when, and under which fencing number. */
export const Lease = defineEntity({
  name: 'Lease',
  properties: {
    /** For example `candidate:<id>`. */
    resource: p.text().primary(),
    owner: p.text(),
    /** From one sequence for all steps: unlike every earlier one, also where the row was removed in between. */
    fence: p.bigint('number'),
    until: p.datetime(),
    /** When somebody last took the step. */
    claimedAt: p.datetime().defaultRaw('now()'),
    /** Somebody else wanted the step meanwhile: whoever holds it looks once more before letting go. */
    again: p.boolean(),
  },
})
