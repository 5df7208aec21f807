import { sql } from 'kysely'
import { requireGlobalRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { shownMs, silentMs } from './beat.ts'
import type { ProcessRow } from './process.entity.ts'

const seenWithin = (ms: number) => sql<boolean>`seen_at > now() - make_interval(secs => ${ms / 1_000})`

/**
 * Every process that gave a sign of life within the last minute, each with a row for its API and for each of its
 * pools, in the order in which they started.
 * @throws ForbiddenError unless the viewer is an ADMIN of everything
 */
export const readProcesses = async ({ em }: Pick<Services, 'em'>, viewer: Viewer): Promise<readonly ProcessRow[]> => {
  requireGlobalRole(viewer, 'ADMIN')
  return rows(em())
    .selectFrom('Process')
    .selectAll()
    .where(seenWithin(shownMs))
    .orderBy('startedAt')
    .orderBy('name')
    .orderBy(sql`pool nulls first`)
    .execute()
}

/** The workers that are alive, each with the pool that it runs. */
export const livingWorkers = ({ em }: Pick<Services, 'em'>): Promise<readonly ProcessRow[]> =>
  rows(em()).selectFrom('Process').selectAll().where('pool', 'is not', null).where(seenWithin(silentMs)).execute()
