/** A command that drains for as long as it is told, for the tests of the lifecycle: `node <this> <drain ms> [throw]`. */
import { setTimeout as delay } from 'node:timers/promises'
import { exitCodes } from '../../src/cli/exit.ts'
import { runToEnd, untilStopped } from '../../src/cli/lifecycle.ts'

const [drainMs, mode] = process.argv.slice(2)
const say = (text: string) => process.stdout.write(`${text}\n`)
const alive = setInterval(() => {}, 60_000)

await runToEnd(
  async (signal) => {
    say('ready')
    if (mode === 'throw') setImmediate(() => Promise.reject(new Error('nobody caught this')))
    if (mode !== 'end') await untilStopped(signal, new Promise(() => {}))
    say('draining')
    await delay(Number(drainMs))
    say('drained')
    clearInterval(alive)
    return mode === 'demo' ? exitCodes.interrupted : exitCodes.ok
  },
  {
    warn: (text) => process.stderr.write(`${text}\n`),
    report: (error) => process.stderr.write(`reported: ${error instanceof Error ? error.message : error}\n`),
  },
)
