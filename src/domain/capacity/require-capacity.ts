import { sql } from 'kysely'
import { CapacityError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { countOpenWork, type OpenWork, secondsUntilEnded } from './open-work.ts'

/**
 * With more room than this nobody has to wait for others who ask as well: it is more than transactions can be open at
 * once, and each makes one piece of work.
 */
const ampleRoom = 1_000

const lock = (tx: Transaction, key: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`open work ${key}`}, 0))`.execute(rows(tx.em))

const inWords = (open: number, limit: number, where: string, variable: string): string =>
  `${where} has ${open} pieces of unfinished work (interviews, sprints, runs, messages, tests, imports), and ${limit} are the limit. Nothing was stored. Ask again when some have ended, cancel what is not needed any more, or have ${variable} raised by whoever runs the server.`

/** @throws CapacityError */
const requireRoom = async (
  tx: Transaction,
  { ofProject, ofAll }: OpenWork,
  { bounds }: Pick<Services, 'bounds'>,
  projectId: string | null,
): Promise<void> => {
  if (projectId !== null && ofProject >= bounds.projectWork) {
    const words = inWords(ofProject, bounds.projectWork, 'The project', 'MAX_OPEN_WORK_PER_PROJECT')
    throw new CapacityError(words, await secondsUntilEnded(tx.em, projectId, ofProject - bounds.projectWork + 1))
  }
  if (ofAll >= bounds.work) {
    const words = inWords(ofAll, bounds.work, 'This server', 'MAX_OPEN_WORK')
    throw new CapacityError(words, await secondsUntilEnded(tx.em, null, ofAll - bounds.work + 1))
  }
}

/**
 * Before a command makes a piece of work that was not asked for before. What was accepted goes on whatever the limits
 * say: its next iterations, its tests, its commit. Where a limit is near, those who ask wait for each other, so that
 * together they do not make more than there is room for.
 * @param projectId null for a project that is only now made
 * @throws CapacityError
 */
export const requireCapacity = async (services: Services, tx: Transaction, projectId: string | null): Promise<void> => {
  const { bounds } = services
  const seen = await countOpenWork(tx.em, projectId)
  const isProjectNear = projectId !== null && bounds.projectWork - seen.ofProject <= ampleRoom
  const isNear = bounds.work - seen.ofAll <= ampleRoom
  if (!isProjectNear && !isNear) return
  // The wider one last and in this order for all: none waits for the other in a circle.
  if (isProjectNear) await lock(tx, projectId)
  if (isNear) await lock(tx, 'of all')
  await requireRoom(tx, await countOpenWork(tx.em, projectId), services, projectId)
}
