import type { ComponentName } from '../../health/component.ts'

/** What to do about a component of a running server that has failed. */
export interface Remedy {
  /** False where the server goes on without it, and something is lost. */
  readonly isNeeded: boolean
  readonly remedy: string
}

/** For each component, since its detail says what happened and not what helps. */
export const remedies: Readonly<Record<ComponentName, Remedy>> = {
  database: {
    isNeeded: true,
    remedy: 'start PostgreSQL, or correct DATABASE_URL where the server runs; what cannot be known until then is below',
  },
  migrations: {
    isNeeded: true,
    remedy:
      'run `countersign migrate` if the database is older; replace the processes of the old version if it is newer',
  },
  clock: {
    isNeeded: false,
    remedy:
      'have the clocks of this machine and of the database set by NTP: tokens and deadlines end by the one, leases by the other',
  },
  queue: {
    isNeeded: true,
    remedy:
      'start Redis, or correct REDIS_URL where the server runs; if it evicts keys, set maxmemory-policy noeviction; without REDIS_URL, see database',
  },
  outbox: {
    isNeeded: true,
    remedy:
      'see queue first, then look for "the outbox could not be published" in the log of any process, and start that process anew; jobs of a newer version need its processes',
  },
  events: {
    isNeeded: true,
    remedy:
      'end that transaction: `select pg_terminate_backend(PROCESS)` on the database server, or for a prepared one `rollback prepared` (see pg_prepared_xacts); if it is the process that stands still, look into its log and start it anew',
  },
  workers: {
    isNeeded: true,
    remedy: 'start a process for each of these pools: `countersign worker --pool NAME`',
  },
  sandbox: {
    isNeeded: true,
    remedy:
      'run `countersign doctor` where the workers of the pool tests run: it says what to install there; if there are none, see workers',
  },
  models: {
    isNeeded: false,
    remedy:
      'set OPENAI_API_KEY or ANTHROPIC_API_KEY to a valid key where the workers run; until then only changes that are proposed from outside go on',
  },
  storage: {
    isNeeded: true,
    remedy:
      'make DATA_DIR writable for the user that the server runs as, and make room in it: it needs at least 0.5 GiB',
  },
}

const isKnown = (name: string): name is ComponentName => Object.hasOwn(remedies, name)

/** A server that is newer than this command may have components of its own. */
export const remedyFor = (name: string): Remedy =>
  isKnown(name) ? remedies[name] : { isNeeded: true, remedy: "see the server's log, and the doctor of its own version" }
