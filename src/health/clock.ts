import { sql } from 'kysely'
import { rows } from '../domain/shared/database.ts'
import type { Services } from '../domain/shared/services.ts'
import { type Finding, faulty, well } from './component.ts'

/** How far apart the clocks of a machine and of the database may be, in milliseconds. */
export const maxSkewMs = 5_000

/**
 * How far a machine's clock is ahead of the database's, in milliseconds; negative when it is behind. What the answer
 * took on its way is taken off, since it says nothing of the clocks.
 */
export const skewOf = (askedAt: number, answeredAt: number, databaseTime: number): number => {
  if (databaseTime < askedAt) return askedAt - databaseTime
  return databaseTime > answeredAt ? answeredAt - databaseTime : 0
}

export const describeSkew = (skewMs: number): string => {
  const seconds = Math.round(Math.abs(skewMs) / 1_000)
  return `This machine's clock is ${seconds} seconds ${skewMs > 0 ? 'ahead of' : 'behind'} the database's.`
}

/** Times of tokens and deadlines come from the machines, those of leases and signs of life from the database. */
export const lookAtClock = async ({ em }: Pick<Services, 'em'>): Promise<Finding> => {
  const askedAt = Date.now()
  const { rows: found } = await sql<{
    now: number
  }>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`.execute(rows(em()))
  const skewMs = skewOf(askedAt, Date.now(), found[0]?.now ?? Number.NaN)
  return Math.abs(skewMs) > maxSkewMs ? faulty(describeSkew(skewMs)) : well()
}
