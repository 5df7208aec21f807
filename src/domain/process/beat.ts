import { sql } from 'kysely'
import type { Pool } from '../../jobs/job.ts'
import type { SandboxAvailability } from '../ports/sandbox.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/** What a process says of itself in each beat. */
export interface SignOfLife {
  readonly host: string
  readonly version: string
  readonly sandbox: SandboxAvailability
  /** Since its start, in milliseconds. */
  readonly ageMs: number
  /** The API, whose pool is null, and the pools that it runs. */
  readonly parts: readonly {
    readonly pool: Pool | null
    readonly concurrency: number | null
    readonly running: number
  }[]
}

/** How often a process gives a sign of life. */
export const beatMs = 3_000

/** A process that was silent for so long is taken for dead: four of its beats are missing, and its leases have run out. */
export const silentMs = 15_000

/** For so long after its last sign of life a process is shown, so that one sees which have died and when. */
export const shownMs = 60_000

/** After so long without a sign of life the rows of a process are removed, by the next beat of any other. */
export const keptMs = 3_600_000

const ago = (ms: number) => sql`now() - make_interval(secs => ${ms / 1_000})`

/** Stores that the process is alive, and removes what is left of those that died long ago: one statement. */
export const beat = async (
  { em, processName }: Pick<Services, 'em' | 'processName'>,
  { host, version, sandbox, ageMs, parts }: SignOfLife,
): Promise<void> => {
  await sql`
    with long_dead as (
      delete from process where id in (
        select id from process where seen_at < ${ago(keptMs)} and name <> ${processName} for update skip locked
      )
    )
    insert into process (id, name, pool, concurrency, running, host, version, sandbox, started_at, seen_at)
    select concat_ws('/', ${processName}::text, pool), ${processName}, pool, concurrency, running,
      ${host}, ${version}, ${JSON.stringify(sandbox)}::jsonb, ${ago(ageMs)}, now()
    from json_to_recordset(${JSON.stringify(parts)}::json) as part (pool text, concurrency int, running int)
    on conflict (id) do update set running = excluded.running, sandbox = excluded.sandbox, seen_at = excluded.seen_at`.execute(
    rows(em()),
  )
}

/** A process ends in good order: nobody waits for its next sign of life. */
export const leave = async ({ em, processName }: Pick<Services, 'em' | 'processName'>): Promise<void> => {
  await rows(em()).deleteFrom('Process').where('name', '=', processName).execute()
}
