import { readConfig } from '../../src/config.ts'
import { start } from '../../src/start.ts'
import type { Child } from './child.ts'
import type { ProductOptions, ProductReady } from './product-process.ts'
import { createStatementCount } from './statement-count.ts'

/** This product, as a process of a benchmark has it. */
export const makeProduct = async ({ env, part }: ProductOptions): Promise<Child<ProductReady>> => {
  const running = await start(readConfig({ PATH: process.env.PATH, ...env }), part)
  const count = createStatementCount()
  return {
    ready: { url: running.url, token: running.adminToken },
    // For `countStatements`.
    answers: { beginCount: count.begin, endCount: count.end },
    close: () => running.close(),
  }
}
