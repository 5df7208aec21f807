import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'

/**
 * The SQL statements that some work in this process sends; those that others send meanwhile are not counted. A request
 * over a socket is not this work any more: execute the operation itself.
 */
export const countQueries = async <Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly statements: readonly string[] }> => {
  const own = new AsyncLocalStorage<string[]>()
  const statements: string[] = []
  const { query } = pg.Client.prototype
  const counting = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args
    own.getStore()?.push(typeof first === 'string' ? first : String((first as { text?: string } | null)?.text))
    return Reflect.apply(query, this, args)
  }
  pg.Client.prototype.query = counting as typeof query
  try {
    return { result: await own.run(statements, work), statements }
  } finally {
    pg.Client.prototype.query = query
  }
}
