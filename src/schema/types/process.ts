import type { QueueDepth } from '../../domain/outbox/read-queues.ts'
import type { ProcessRow } from '../../domain/process/process.entity.ts'
import { builder } from '../builder.ts'

export const ProcessInfoRef = builder.objectRef<ProcessRow>('ProcessInfo').implement({
  description: 'A running process: one entry for its API, and one for each pool whose jobs it does.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Machine, process id and a random part: no two are called the same.' }),
    pool: t.exposeString('pool', { nullable: true, description: 'Null for the API.' }),
    concurrency: t.exposeInt('concurrency', {
      nullable: true,
      description: 'How many jobs of the pool it does at once; null for the API.',
    }),
    running: t.exposeInt('running', { description: 'Jobs of the pool that are under way; 0 for the API.' }),
    startedAt: t.field({ type: 'DateTime', resolve: (row) => row.startedAt }),
    seenAt: t.field({
      type: 'DateTime',
      description:
        'Its last sign of life, by the clock of the database; there is one every three seconds. After 15 seconds without one a process is taken for dead, and after a minute it is no longer listed.',
      resolve: (row) => row.seenAt,
    }),
  }),
})

export const QueueInfoRef = builder.objectRef<QueueDepth>('QueueInfo').implement({
  description: 'How much work there is for a pool, over all processes.',
  fields: (t) => ({
    pool: t.exposeString('pool'),
    waiting: t.exposeInt('waiting', {
      description: 'Jobs that nobody has begun, whether they are in the queue yet or not.',
    }),
    delayed: t.exposeInt('delayed', { description: 'Jobs that failed and are tried again in a moment.' }),
    running: t.exposeInt('running', { description: 'Jobs that living workers are doing.' }),
    concurrency: t.exposeInt('concurrency', {
      description: 'How many jobs the living workers do at once; 0 when no worker of this pool is running.',
    }),
    oldestWaitingSeconds: t.exposeFloat('oldestWaitingSeconds', {
      nullable: true,
      description: 'How long the oldest waiting job has waited; null when none waits.',
    }),
  }),
})
