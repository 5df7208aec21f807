import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Queues } from '../domain/ports/queues.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { type Transaction, transact } from '../domain/shared/transact.ts'
import type { Job } from '../jobs/job.ts'

// Whoever asks for such jobs asks again after an hour.
const lookBackMs = 3_600_000

const nameOf = async (em: Transaction['em'], { backend }: Queues): Promise<string | undefined> => {
  const known = rows(em).selectFrom('QueueMemory').select('name').where('backend', '=', backend)
  return (await known.executeTakeFirst())?.name
}

const askAgain = async (tx: Transaction, jobs: readonly Job[]): Promise<void> => {
  for (const job of jobs) {
    const { rows: asked } = await sql<{ payload: Readonly<Record<string, string>> }>`
      select distinct payload from outbox
      where job = ${job.name} and published_at is not null
        and created_at > now() - ${`${lookBackMs} milliseconds`}::interval`.execute(rows(tx.em))
    for (const { payload } of asked) tx.enqueue(job, payload)
  }
}

/**
 * Looks whether the queues' backend still has what it was given. One that was wiped, or has come up again without what was
 * written last, gets a new name to keep, and what was published before is not waited for any more: recovery then asks at
 * once for all work that is unfinished. One process of all does so.
 * @param jobs those that recovery does not know from rows; they are asked for again here
 * @returns whether jobs may have been lost
 */
export const noteLostJobs = async (services: Services, queues: Queues, jobs: readonly Job[]): Promise<boolean> => {
  const known = await nameOf(services.em(), queues)
  if (known !== undefined && (await queues.memory.has(known))) return false
  // No row is written here: with one, no event could be read until the backend has answered.
  return services.em().transactional(async (em) => {
    const { rows: locked } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(hashtextextended('queue-memory', 0)) as mine`.execute(rows(em))
    if (!locked[0]?.mine) return false
    // Somebody may have done it since.
    if ((await nameOf(em, queues)) !== known) return false
    const name = randomUUID()
    // Before anything is asked for: a wipe that comes after this is seen as another one.
    await queues.memory.keep(name)
    await transact(services, async (tx) => {
      const memory = { backend: queues.backend, name, since: sql<Date>`now()` }
      await rows(tx.em)
        .insertInto('QueueMemory')
        .values(memory)
        .onConflict((conflict) => conflict.column('backend').doUpdateSet({ name, since: memory.since }))
        .execute()
      if (known !== undefined) await askAgain(tx, jobs)
    })
    return known !== undefined
  })
}
