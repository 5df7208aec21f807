import { createStatementCount, type Statements } from './statement-count.ts'

/**
 * What some work in this process sends to PostgreSQL through the product: the fewest of several times, since what the
 * product looks for by itself now and then falls into some of them.
 */
export const fewestStatements = async (work: () => Promise<unknown>, times = 4): Promise<Statements> => {
  const count = createStatementCount()
  const counted: Statements[] = []
  for (let time = 0; time < times; time++) {
    count.begin()
    try {
      await work()
    } finally {
      counted.push(count.end())
    }
  }
  return counted.toSorted((a, b) => a.statements - b.statements)[0] ?? { statements: 0, commits: 0 }
}
