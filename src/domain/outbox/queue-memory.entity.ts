import { defineEntity, p } from '@mikro-orm/core'

/**
 * By which name a queue's backend is known to remember. A backend that does not know the name was wiped, or went back
 * to an earlier state: what was published before `since` may be gone.
 */
export const QueueMemory = defineEntity({
  name: 'QueueMemory',
  properties: {
    backend: p.text().primary(),
    name: p.uuid(),
    since: p.datetime(),
  },
})
