/**
 * A worker that takes one job and never ends it, in a process of its own: a test kills it then. Its argument is a JSON
 * object with `options` and `takenMs` of openQueues. Prints a line once it has the job, and ends when its standard input
 * does.
 */
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { createLogger } from '../../src/logger.ts'

const { options, takenMs } = JSON.parse(process.argv[2] ?? '{}')

// A run that was killed leaves none behind.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).resume()

const queues = await openQueues(options, createLogger({ level: 'fatal', format: 'json', secrets: [] }), takenMs)
await queues.work('candidates', 1, async () => {
  process.stdout.write('taken\n')
  await new Promise(() => {})
})
