/**
 * A whole server in a process of its own, which a test may kill. Its first argument is a JSON object: `env`, and
 * `overrides` of the start. Prints one line of JSON, where it is and its token, or the error; drains on SIGTERM.
 */
import { readConfig } from '../../src/config.ts'
import { pools } from '../../src/jobs/job.ts'
import { start } from '../../src/start.ts'

const { env, overrides } = JSON.parse(process.argv[2] ?? '{}')

try {
  const running = await start(readConfig({ PATH: process.env.PATH, ...env }), {
    api: true,
    pools: Object.fromEntries(pools.map((pool) => [pool, 4])),
    rehearsal: true,
    migrate: true,
    overrides,
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
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  process.exitCode = 1
}
