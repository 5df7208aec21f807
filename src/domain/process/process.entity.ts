import { defineEntity, p } from '@mikro-orm/core'
import type { Pool } from '../../jobs/job.ts'
import type { SandboxAvailability } from '../ports/sandbox.ts'
import type { Row } from '../shared/row.ts'

/** A sign of life of a running process, as itself and for each pool that it runs. */
export const Process = defineEntity({
  name: 'Process',
  properties: {
    /** The process's name, and the pool's behind it. */
    id: p.text().primary(),
    name: p.text(),
    /** Null for the API. */
    pool: p.text().$type<Pool>().strictNullable(),
    /** How many jobs of the pool it does at once; null for the API. */
    concurrency: p.integer().strictNullable(),
    /** Jobs of the pool that are under way. */
    running: p.integer(),
    /** Where it runs, and which version of Countersign: for whoever looks into the table while a deployment is renewed. */
    host: p.text(),
    version: p.text(),
    /** Whether what this process runs in its sandbox can be isolated. */
    sandbox: p.json().$type<SandboxAvailability>(),
    /** By the database's clock, as `seenAt`: those of machines differ. */
    startedAt: p.datetime(),
    seenAt: p.datetime(),
  },
})
export type ProcessRow = Row<typeof Process>
