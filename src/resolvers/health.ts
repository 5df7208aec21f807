import { builder } from '../schema/builder.ts'
import type { ComponentHealth } from '../schema/context.ts'

const ComponentHealthRef = builder.objectRef<ComponentHealth>('ComponentHealth').implement({
  description: 'Whether one part works.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description:
        'database, migrations, clock, queue, outbox, events, workers, sandbox, models or storage; later versions may have others.',
    }),
    status: t.string({ description: 'ok or failed.', resolve: (component) => (component.ok ? 'ok' : 'failed') }),
    detail: t.exposeString('detail', {
      nullable: true,
      description:
        'What was found, for a person: what happened if it has failed. What to do then, `countersign doctor` says.',
    }),
    latencyMs: t.exposeFloat('latencyMs', {
      nullable: true,
      description: 'How long it took to find out. One that does not answer within 3 seconds has failed.',
    }),
  }),
})

interface Health {
  readonly components: readonly ComponentHealth[]
  readonly version: string
}

const HealthRef = builder.objectRef<Health>('Health').implement({
  description: 'Whether the server can do its work.',
  fields: (t) => ({
    status: t.string({
      description: 'ok or failed.',
      resolve: ({ components }) => (components.every((component) => component.ok) ? 'ok' : 'failed'),
    }),
    components: t.field({
      type: [ComponentHealthRef],
      description: 'Those of the process that was asked; the sandbox is that of the workers that run tests.',
      resolve: ({ components }) => [...components],
    }),
    version: t.exposeString('version'),
  }),
})

builder.queryField('health', (t) =>
  t.field({
    type: HealthRef,
    resolve: async (_root, _args, { health, version }) => ({ components: await health(), version }),
  }),
)
