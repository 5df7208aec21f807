import { livingWorkers } from '../domain/process/read-processes.ts'
import type { Services } from '../domain/shared/services.ts'
import { pools } from '../jobs/job.ts'
import { type Finding, faulty, well } from './component.ts'

/** Whether each pool has a living worker, in whatever process. */
export const lookAtWorkers = async (services: Pick<Services, 'em'>): Promise<Finding> => {
  const workers = await livingWorkers(services)
  const crews = Map.groupBy(workers, ({ pool }) => pool)
  const idle = pools.filter((pool) => !crews.has(pool))
  if (idle.length === 0) return well(pools.map((pool) => `${pool} ${crews.get(pool)?.length}`).join(', '))
  return faulty(
    `No process runs ${idle.length === 1 ? 'the pool' : 'the pools'} ${idle.join(', ')}: what is to be done there waits for one.`,
  )
}
