import type { EntityManager } from '@mikro-orm/postgresql'
import type { Logger } from './services.ts'

/**
 * Does something in a transaction of this entity manager, which must be a fork of its own and in none yet. What
 * MikroORM's `transactional` adds, a second fork and a context for nested transactions, takes longer than a statement.
 */
export const inTransaction = async <Result>(
  em: EntityManager,
  log: Pick<Logger, 'warn'>,
  work: (em: EntityManager) => Promise<Result>,
): Promise<Result> => {
  await em.begin()
  try {
    const result = await work(em)
    await em.commit()
    return result
  } catch (error) {
    // Why it failed in the first place is what has to be told; a connection that is gone has rolled back by itself.
    await em.rollback().catch((fault: unknown) => log.warn({ error: fault }, 'a transaction could not be rolled back'))
    throw error
  }
}
