import { endOverdueRun } from '../domain/run/end-overdue-run.ts'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { transact } from '../domain/shared/transact.ts'
import { endOverdue } from '../domain/sprint/end-overdue.ts'
import { advanceRunJob } from '../jobs/advance-run.ts'
import { advanceSprintJob } from '../jobs/advance-sprint.ts'

const endLateSprint = (services: Services, sprintId: string): Promise<boolean> =>
  transact(services, async (tx) => {
    const ended = await endOverdue(tx, sprintId)
    if (ended === 'goes on') tx.enqueue(advanceSprintJob, { sprintId })
    return ended !== null
  })

const endLateRun = (services: Services, runId: string): Promise<boolean> =>
  transact(services, async (tx) => {
    const ended = await endOverdueRun(tx, runId)
    if (ended === 'candidates') tx.enqueue(advanceRunJob, { runId })
    return ended !== null
  })

/**
 * Ends what is past its time in sprints and runs. Their own steps look at it as well, but cannot while they wait for
 * a model or a test that does not answer: the leases of what is late are taken.
 * @returns in how many something was ended
 */
export const endLateWork = async (services: Services): Promise<number> => {
  const now = services.clock()
  const read = rows(services.em())
  const sprints = await read
    .selectFrom('Sprint')
    .leftJoin('Phase', (join) => join.onRef('Phase.sprintId', '=', 'Sprint.id').on('Phase.status', '=', 'RUNNING'))
    .select('Sprint.id as id')
    .where('Sprint.status', '=', 'ACTIVE')
    .where((row) => row.or([row('Sprint.deadlineAt', '<=', now), row('Phase.deadlineAt', '<=', now)]))
    .execute()
  const runs = await read
    .selectFrom('AgentRun')
    .select('id')
    .where('status', '=', 'RUNNING')
    .where('deadlineAt', '<=', now)
    .execute()
  let ended = 0
  for (const { id } of sprints) if (await endLateSprint(services, id)) ended += 1
  for (const { id } of runs) if (await endLateRun(services, id)) ended += 1
  return ended
}
