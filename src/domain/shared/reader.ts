import type { EntityManager } from '@mikro-orm/postgresql'
import type { Services } from './services.ts'

const readers = new WeakMap<Services['em'], EntityManager>()

/**
 * An entity manager for `rows` and `readRows` outside of transactions. Rows are read past it and nothing stays in it, so
 * that one does for all requests: to make one takes as long as a short query.
 */
export const readerOf = ({ em }: Pick<Services, 'em'>): EntityManager => {
  const known = readers.get(em) ?? em()
  readers.set(em, known)
  return known
}
