import { LockMode } from '@mikro-orm/core'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { transact } from '../domain/shared/transact.ts'
import { endSprint } from '../domain/sprint/end-sprint.ts'
import { Sprint } from '../domain/sprint/sprint.entity.ts'

/**
 * Fails sprints that are past their deadline. A sprint's own steps look at it as well, but cannot while they wait for
 * a model or a test that does not answer: their leases are taken from them.
 * @returns how many sprints were ended
 */
export const endLateSprints = async (services: Services): Promise<number> => {
  const late = await rows(services.em())
    .selectFrom('Sprint')
    .select('id')
    .where('status', '=', 'ACTIVE')
    .where('deadlineAt', '<=', services.clock())
    .execute()
  let ended = 0
  for (const { id } of late) {
    ended += await transact(services, async (tx) => {
      const lockMode = LockMode.PESSIMISTIC_WRITE
      const sprint = await tx.em.findOne(Sprint, { id, status: 'ACTIVE' }, { lockMode })
      if (!sprint) return 0
      const failure = `The sprint did not end within its deadline of ${sprint.deadlineSeconds} seconds.`
      await endSprint(tx, sprint, 'FAILED', failure)
      return 1
    })
  }
  return ended
}
