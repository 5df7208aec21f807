/**
 * A server's process that ends, stops or loses its connections at named points of its writes. Its first argument is
 * JSON (`ProcessOptions`); what it is told afterwards, and what it tells, is in `process-messages.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import diagnostics from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import type { Socket } from 'node:net'
import { readConfig } from '../../src/config.ts'
import { start } from '../../src/start.ts'
import { faultPoints } from './fault-points.ts'
import { callersIn } from './places.ts'
import type { Armed, ProcessOptions, Report } from './process-messages.ts'

const options: ProcessOptions = JSON.parse(process.argv[2] ?? '{}')
const reportsTo = 3

// Written at once: what a process reported before it was killed has arrived.
const report = (message: Report) => {
  try {
    writeSync(reportsTo, `${JSON.stringify(message)}\n`)
  } catch {
    // Nobody listens any more: the run was given up.
    process.kill(process.pid, 'SIGKILL')
  }
}

const sockets = new Set<Socket>()
diagnostics.subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket }
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})

const passes = new Map<string, number>()
let armed: Armed | undefined

/** A job that is under way, and the last point that it passed. */
interface UnderWay {
  last: string | undefined
}
const jobs = new Set<UnderWay>()
const ownJob = new AsyncLocalStorage<UnderWay>()

const act = (point: string, { action }: Armed) => {
  armed = undefined
  const own = ownJob.getStore()
  const beside = [...jobs].flatMap((job) => (job !== own && job.last !== undefined ? [job.last] : []))
  report({ kind: 'hit', point, action, beside })
  if (action === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (action === 'pause') process.kill(process.pid, 'SIGSTOP')
  else {
    for (const socket of sockets) {
      if (options.storePorts.includes(Number(socket.remotePort))) socket.destroy()
    }
  }
}

const intercept = faultPoints({
  caller: callersIn(options.sourceRows),
  pass(point) {
    passes.set(point, (passes.get(point) ?? 0) + 1)
    const own = ownJob.getStore()
    if (own) own.last = point
    if (armed?.points.includes(point)) act(point, armed)
  },
  calls(states, outcome) {
    report({ kind: 'calls', states, outcome })
  },
  job(name, payload, state) {
    report({ kind: 'job', name, payload: payload as Record<string, string>, state })
  },
  async during(work) {
    const job: UnderWay = { last: undefined }
    jobs.add(job)
    try {
      await ownJob.run(job, work)
    } finally {
      jobs.delete(job)
    }
  },
})

// A new point is told soon, so that it can be aimed at; counts are only summed up.
const tellPasses = () => {
  if (passes.size === 0) return
  report({ kind: 'passed', counts: Object.fromEntries(passes) })
  passes.clear()
}

process.on('message', (message: Armed) => {
  armed = message
})
// Nothing of a run that was given up is left.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

try {
  const running = await start(readConfig({ PATH: process.env.PATH, ...options.env }), {
    api: options.api,
    pools: options.pools,
    rehearsal: false,
    migrate: false,
    overrides: { ...options.overrides, intercept },
  })
  // A process that is killed leaves no compiled code to the next one otherwise.
  flushCompileCache()
  const timer = setInterval(tellPasses, 500)
  process.once('SIGTERM', () => {
    clearInterval(timer)
    running.close().then(
      () => {
        tellPasses()
        process.exit(0)
      },
      (error: unknown) => {
        process.stderr.write(`${error}\n`)
        process.exit(1)
      },
    )
  })
  const name = running.context.services.processName
  report({ kind: 'ready', name, url: running.url, token: running.adminToken })
} catch (error) {
  report({ kind: 'failed', error: String(error) })
  process.exit(1)
}
