import type { QueuedJob } from '../domain/ports/queues.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Pool } from '../jobs/job.ts'
import { entryId } from './outbox-backlog.ts'

/** Who asked for a job, and when; undefined where its row is gone. */
const askedBy = async ({ em, log }: Services, jobId: string) => {
  const id = entryId(jobId)
  if (id === undefined) return undefined
  try {
    const read = rows(em()).selectFrom('OutboxEntry').select(['trace', 'createdAt']).where('id', '=', id)
    return await read.executeTakeFirst()
  } catch (error) {
    // The work does not fail for it.
    log.debug({ error, jobId }, 'the trace of a job could not be read')
    return undefined
  }
}

/** The ids that a job carries: whatever else is in a queue is nobody's word for anything. */
const idsOf = (payload: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(payload ?? {}).filter(([name, id]) => name.endsWith('Id') && typeof id === 'string'),
  )

/**
 * Does a job as a part of the trace that asked for it. The queue carries ids alone, so the job's row in the outbox says
 * which trace that is, whatever the backend; a job whose row is gone begins a trace.
 */
export const traceJob = async (
  services: Services,
  pool: Pool,
  { name, id, payload }: QueuedJob,
  work: () => Promise<void>,
): Promise<void> => {
  if (!services.tracer.isOn) return work()
  const asked = await askedBy(services, id)
  const waitedMs = asked && Math.max(0, services.clock().getTime() - asked.createdAt.getTime())
  const facts = { ...idsOf(payload), job: name, pool, jobId: id, ...(waitedMs !== undefined && { waitedMs }) }
  return services.tracer.span('job', facts, work, { trace: asked?.trace ?? null })
}
