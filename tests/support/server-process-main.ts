/**
 * A server in a process of its own, which a test may kill. Its first argument is a JSON object: `env`, `overrides` of
 * the start, what `part` of a deployment it is, and `pauseBefore`, words of a call before which it pauses itself. Prints
 * one line of JSON, where it is and its token, or the error; drains on SIGTERM, and ends when its standard input does.
 */
import { flushCompileCache } from 'node:module'
import { readConfig } from '../../src/config.ts'
import { pools } from '../../src/jobs/job.ts'
import { start } from '../../src/start.ts'
import { pausingModels } from './pausing-models.ts'

const { env, overrides, part, pauseBefore } = JSON.parse(process.argv[2] ?? '{}')

// A run that was killed leaves none behind.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).resume()
process.stdin.unref()

try {
  const running = await start(readConfig({ PATH: process.env.PATH, ...env }), {
    api: true,
    pools: Object.fromEntries(pools.map((pool) => [pool, 4])),
    rehearsal: true,
    migrate: true,
    overrides: pauseBefore ? { ...overrides, intercept: pausingModels(pauseBefore) } : overrides,
    ...part,
  })
  process.once('SIGTERM', () => {
    running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error}\n`)
        process.exit(1)
      },
    )
  })
  process.stdout.write(`${JSON.stringify({ url: running.url, token: running.adminToken })}\n`)
  // For the next one: many of these never come to their end.
  flushCompileCache()
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  process.exitCode = 1
}
