import type { BenchProcess } from './process.ts'
import type { Statements } from './statement-count.ts'

// What a server looks for by itself now and then falls into some of them.
const tries = 5

/** The SQL statements that a server of `startProduct` sends for some work: the fewest of several times. */
export const countStatements = async (
  product: Pick<BenchProcess<unknown>, 'ask'>,
  work: () => Promise<unknown>,
): Promise<Statements> => {
  const counted: Statements[] = []
  for (let count = 0; count < tries; count++) {
    await product.ask('beginCount')
    await work()
    counted.push(await product.ask<Statements>('endCount'))
  }
  return counted.toSorted((a, b) => a.statements - b.statements)[0] ?? { statements: 0, commits: 0 }
}
