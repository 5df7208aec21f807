import { sql } from 'kysely'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import type { Queues } from '../domain/ports/queues.ts'
import { nobodyTests, testingSandbox } from '../domain/process/testing-sandbox.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Pool } from '../jobs/job.ts'
import { lookAtClock } from './clock.ts'
import { type Component, faulty, well } from './component.ts'
import { lookAtEvents } from './events.ts'
import { lookAtMigrations } from './migrations.ts'
import { lookAtOutbox } from './outbox.ts'
import { lookAtStorage } from './storage.ts'
import { lookAtWorkers } from './workers.ts'

export interface Looked {
  readonly services: Services
  readonly queues: Queues
  readonly feed: EventFeed
  readonly dataDir: string
  /** Those that this process runs: tests need a sandbox where they are run, and nowhere else. */
  readonly pools: Partial<Record<Pool, number>>
}

/** The parts of a deployment as a process of it sees them. */
export const healthComponents = ({ services, queues, feed, dataDir, pools }: Looked): readonly Component[] => [
  {
    name: 'database',
    isNeeded: true,
    readsDatabase: false,
    async look() {
      const { rows: found } = await sql<{ server_version: string }>`show server_version`.execute(rows(services.em()))
      return well(`PostgreSQL ${found[0]?.server_version ?? ''}`.trim())
    },
  },
  { name: 'migrations', isNeeded: true, readsDatabase: true, look: () => lookAtMigrations(services) },
  { name: 'clock', isNeeded: false, readsDatabase: true, look: () => lookAtClock(services) },
  {
    name: 'queue',
    isNeeded: true,
    // Where it is kept in the database it has connections of its own.
    readsDatabase: false,
    async look() {
      await queues.ping()
      const danger = await queues.danger()
      return danger === null ? well(queues.backend) : { ...faulty(danger), isNeeded: false }
    },
  },
  { name: 'outbox', isNeeded: false, readsDatabase: true, look: () => lookAtOutbox(services) },
  { name: 'events', isNeeded: false, readsDatabase: true, look: () => lookAtEvents(services, feed) },
  { name: 'workers', isNeeded: false, readsDatabase: true, look: () => lookAtWorkers(services) },
  {
    name: 'sandbox',
    isNeeded: pools.tests !== undefined,
    readsDatabase: pools.tests === undefined,
    async look() {
      const found = pools.tests ? await services.sandbox.availability() : await testingSandbox(services)
      if (!found) return faulty(nobodyTests)
      return found.available ? well(found.detail) : faulty(`${found.reason} ${found.remedy}`)
    },
  },
  {
    name: 'models',
    // Changes that are proposed from outside need none.
    isNeeded: false,
    readsDatabase: false,
    async look() {
      const { configured } = services.models
      if (configured.length === 0) return faulty('No provider is configured.')
      const troubled = configured.flatMap(({ trouble }) => trouble?.() ?? [])
      if (troubled.length > 0) return faulty(troubled.join(' '))
      return well(
        configured.map(({ provider, rehearsal }) => (rehearsal ? `${provider} (rehearsal)` : provider)).join(', '),
      )
    },
  },
  { name: 'storage', isNeeded: true, readsDatabase: false, look: () => lookAtStorage(dataDir) },
]
