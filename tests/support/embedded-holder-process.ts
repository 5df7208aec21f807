/**
 * A process that starts the embedded database and holds it until its standard input ends. Prints one line of JSON:
 * what `startEmbeddedPostgres` gave, or the error. Its first argument is that function's options.
 */
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as { dataDir: string; isDurable?: boolean; systemDir?: string }

try {
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const { connectionString, directory, notice, stop } = await startEmbeddedPostgres({ ...options, log })
  process.stdout.write(`${JSON.stringify({ connectionString, directory, notice })}\n`)
  process.stdin.resume().once('end', stop)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  process.exitCode = 1
}
