import { readConfig } from '../../src/config.ts'
import { type StartOptions, start } from '../../src/start.ts'
import { runChild } from './child.ts'
import { createStatementCount } from './statement-count.ts'

/** What `startProduct` gives this script. */
export interface ProductOptions {
  readonly env: Readonly<Record<string, string>>
  readonly part: StartOptions
}

/** What it gives back. */
export interface ProductReady {
  /** Empty for one without an API. */
  readonly url: string
  readonly token: string
}

await runChild<ProductOptions, ProductReady>(async ({ env, part }) => {
  const running = await start(readConfig({ PATH: process.env.PATH, ...env }), part)
  const count = createStatementCount()
  return {
    ready: { url: running.url, token: running.adminToken },
    // For `countStatements`.
    answers: { beginCount: count.begin, endCount: count.end },
    close: () => running.close(),
  }
})
