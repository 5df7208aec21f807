/** The chaos suite: see docs/reliability.md. Exits with 1 when anything was found wrong. */
import { parseArgs } from 'node:util'
import { renderReport, reportJson } from './report.ts'
import { runChaos } from './run-chaos.ts'

const help = `Usage: npm run test:chaos -- [options]

  --seed N             the same choices again, as far as time allows (7)
  --sprints N          (200)
  --sessions N         (200)
  --backend NAME       redis or postgres (redis)
  --workers N          (4)
  --lanes N            units that are worked on at once (32)
  --hits N             small work goes on until each point was hit by so many kills (20)
  --minutes N          no unit is begun after so long (60)
  --calm N             a process passes so many points, and up to twice as many more, before anything happens (20)
  --database-ms N      between two restarts of PostgreSQL, and up to as much more (5000)
  --redis-ms N         the same of Redis (10000)
  --lease-ms N         (15000, as in a deployment)
  --sandbox NAME       auto or none (auto)
  --json               the figures as JSON
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '7' },
    sprints: { type: 'string', default: '200' },
    sessions: { type: 'string', default: '200' },
    backend: { type: 'string', default: 'redis' },
    workers: { type: 'string', default: '4' },
    lanes: { type: 'string', default: '32' },
    hits: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '60' },
    calm: { type: 'string', default: '20' },
    'database-ms': { type: 'string', default: '5000' },
    'redis-ms': { type: 'string', default: '10000' },
    'lease-ms': { type: 'string', default: '15000' },
    sandbox: { type: 'string', default: 'auto' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const number = (name: Exclude<keyof typeof values, 'json' | 'help'>): number => {
  const value = Number(values[name])
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number.`)
  return value
}
const oneOf = <Word extends string>(name: 'backend' | 'sandbox', words: readonly Word[]): Word => {
  const word = words.find((known) => known === values[name])
  if (word === undefined) throw new Error(`--${name} must be ${words.join(' or ')}.`)
  return word
}

if (values.help) process.stdout.write(help)
else {
  const report = await runChaos({
    seed: number('seed'),
    sprints: number('sprints'),
    sessions: number('sessions'),
    backend: oneOf('backend', ['redis', 'postgres']),
    workers: number('workers'),
    lanes: number('lanes'),
    hits: number('hits'),
    minutes: number('minutes'),
    calm: number('calm'),
    leaseMs: number('lease-ms'),
    databaseMs: number('database-ms'),
    redisMs: number('redis-ms'),
    sandbox: oneOf('sandbox', ['auto', 'none']),
    say: (line) => process.stderr.write(`${line}\n`),
  })
  process.stdout.write(values.json ? `${reportJson(report)}\n` : renderReport(report, true))
  process.exitCode = report.checks.every(({ faults }) => faults.length === 0) ? 0 : 1
}
