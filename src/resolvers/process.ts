import { readQueues } from '../domain/outbox/read-queues.ts'
import { readProcesses } from '../domain/process/read-processes.ts'
import { builder } from '../schema/builder.ts'
import { ProcessInfoRef, QueueInfoRef } from '../schema/types/process.ts'

builder.queryField('processes', (t) =>
  t.field({
    type: [ProcessInfoRef],
    description:
      'Every running process: pool, concurrency, jobs, age of its last sign of life. One that was told to end leaves the list at once. ADMIN on all projects only.',
    resolve: async (_root, _args, { services, viewer }) => [...(await readProcesses(services, viewer))],
  }),
)

builder.queryField('queues', (t) =>
  t.field({
    type: [QueueInfoRef],
    description:
      'How much work each pool has: where more waits than its workers do at once, and for long, start another worker of that pool. While the backend of the queues does not answer, an error with the code QUEUE_UNAVAILABLE. ADMIN on all projects only.',
    resolve: async (_root, _args, { services, viewer }) => [...(await readQueues(services, viewer))],
  }),
)
