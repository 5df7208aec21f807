import { createRequire } from 'node:module'
import type pg from 'pg'

/** The SQL statements of a process, while they are counted. */
export interface StatementCount {
  begin(): void
  /** Ends the counting. @returns how many there were, and how many of them were commits */
  end(): Statements
}

export interface Statements {
  readonly statements: number
  readonly commits: number
}

/** Counts what the product sends to PostgreSQL from this process. Nothing stands in the way while it does not count. */
export const createStatementCount = (): StatementCount => {
  // The product's own copy of the client; the references have another.
  const { Client } = createRequire(new URL('../../src/main.ts', import.meta.url))('pg') as typeof pg
  const { query } = Client.prototype
  let statements = 0
  let commits = 0
  const counting = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args
    const text = typeof first === 'string' ? first : String((first as { text?: string } | null)?.text)
    statements += 1
    if (/^\s*commit\b/i.test(text)) commits += 1
    return Reflect.apply(query, this, args)
  }
  return {
    begin() {
      statements = 0
      commits = 0
      Client.prototype.query = counting as typeof query
    },
    end() {
      Client.prototype.query = query
      return { statements, commits }
    },
  }
}
