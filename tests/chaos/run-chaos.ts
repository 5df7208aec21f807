import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { randomNumbers } from '../../bench/harness/random.ts'
import { pools } from '../../src/jobs/job.ts'
import type { Patience } from '../../src/workers/recovery.ts'
import { fastParent, removeLeftovers, temporaryDirectory } from '../support/temporary-directory.ts'
import { bundleServerProcess } from './bundle.ts'
import {
  type Check,
  checkCalls,
  checkEvents,
  checkOutcomes,
  checkRepositories,
  checkRows,
  type Outcome,
} from './checks.ts'
import { type Crew, type Slot, startCrew } from './crew.ts'
import { createPerson, type Person } from './person.ts'
import { planFaults } from './plan-faults.ts'
import { sessionKinds, sprintKinds, startProviders, type Unit } from './providers.ts'
import { measureRecovery, type RecoveryTimes } from './recovery-times.ts'
import type { ChaosReport } from './report.ts'
import { type Store, startDatabase, startRedis, whenItAnswers } from './stores.ts'
import { startSubscriber } from './subscriber.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly sprints: number
  readonly sessions: number
  readonly backend: 'redis' | 'postgres'
  readonly workers: number
  /** How many units are worked on at once. */
  readonly lanes: number
  /** How often each point is to be hit by a kill: small work goes on until then. 0: as it comes. */
  readonly hits: number
  /** After so long no new unit is begun. */
  readonly minutes: number
  /** How many points a process passes before anything happens to it: so many and up to twice as many more. */
  readonly calm: number
  /** Between two restarts of a store, in milliseconds: this and up to as much more. */
  readonly databaseMs: number
  readonly redisMs: number
  readonly leaseMs: number
  /** How long recovery waits; as in a deployment when left out. */
  readonly patience?: Patience
  /** After so many processes were disturbed, and each store restarted so often, no more happens. */
  readonly faults?: number
  readonly restarts?: number
  readonly sandbox: 'auto' | 'none'
  readonly say: (line: string) => void
}

const unitsAProject = 4
const wordDelayMs = 5
const settleMs = 120_000
const tellEveryMs = 20_000

/** Every pool in each of the first two workers, and half of them in each of the others. */
const poolsOf = (worker: number, size: number) => {
  const half = pools.filter((_, index) => index % 2 === worker % 2)
  return Object.fromEntries((worker < 2 ? pools : half).map((pool) => [pool, size]))
}

/** The units of a run, mixed. The plain ones are most of it; every kind has its turn. */
const unitsOf = ({ sprints, sessions, seed }: ChaosOptions): Unit[] => {
  const random = randomNumbers(seed)
  const kindOf = <Kind extends string>(kinds: readonly [Kind, ...Kind[]] | readonly Kind[], index: number): Kind =>
    (index % 8 < kinds.length ? kinds[index % 8] : kinds[0]) as Kind
  const units: Unit[] = [
    ...Array.from(
      { length: sprints },
      (_, index): Unit => ({
        type: 'sprint',
        kind: kindOf(sprintKinds, index),
        key: `sprint-${index}`,
      }),
    ),
    ...Array.from(
      { length: sessions },
      (_, index): Unit => ({
        type: 'session',
        kind: kindOf(sessionKinds, index),
        key: `session-${index}`,
      }),
    ),
  ]
  for (let at = units.length - 1; at > 0; at -= 1) {
    const other = random(at + 1)
    ;[units[at], units[other]] = [units[other] as Unit, units[at] as Unit]
  }
  return units
}

/** One of each kind, without faults: what the others are compared with. */
const referenceUnits = (given: readonly Unit[]): Unit[] => {
  const kinds = new Map(given.map((unit) => [`${unit.type}, ${unit.kind}`, unit]))
  return [...kinds.values()].map((unit, index) => ({ ...unit, key: `${unit.type}-${900_000 + index}` }) as Unit)
}

/** Waits until nothing is under way any more, or for as long as it takes to see that it will not end. */
const settled = async (url: string): Promise<void> => {
  const givesUpAt = Date.now() + settleMs
  while (Date.now() < givesUpAt) {
    const busy = await whenItAnswers(url, async (client) => {
      const { rows } = await client.query(`select 1 from lease where until > now()
        union all select 1 from outbox where published_at is null
        union all select 1 from model_call where status = 'SENT' limit 1`)
      return rows.length > 0
    })
    if (!busy) return
    await delay(250)
  }
}

const prefix = 'countersign-test-chaos-'

/** Runs the whole of it. @returns the figures and what was found wrong */
export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const startedAt = Date.now()
  const random = randomNumbers(options.seed)
  await using stack = new AsyncDisposableStack()
  const parent = await fastParent()
  await removeLeftovers(parent, prefix)
  const directory = stack.use(await temporaryDirectory(parent, `${prefix}${process.pid}-`)).path
  const dataDir = join(directory, 'data')
  const database = stack.use(await startDatabase(directory))
  const redis = options.backend === 'redis' ? stack.use(await startRedis(directory)) : undefined
  const providers = await startProviders(wordDelayMs)
  stack.defer(() => providers.rehearsal.close())
  const recovery = measureRecovery()

  const env = {
    DATABASE_URL: database.url,
    ...(redis && { REDIS_URL: redis.url }),
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    SANDBOX: options.sandbox,
    REHEARSAL: 'never',
    // One token asks for everybody.
    RATE_LIMIT_PER_MINUTE: '0',
    OPENAI_API_KEY: 'test',
    OPENAI_BASE_URL: providers.rehearsal.openaiBaseUrl,
    ANTHROPIC_API_KEY: 'test',
    ANTHROPIC_BASE_URL: providers.rehearsal.anthropicBaseUrl,
  }
  const { script, sourceRows } = await bundleServerProcess(join(directory, 'server'))
  const common = {
    env,
    sourceRows,
    overrides: {
      leaseMs: options.leaseMs,
      breaker: { failures: 1_000_000 },
      ...(options.patience && { patience: options.patience }),
    },
    storePorts: [database.port, ...(redis ? [redis.port] : [])],
  }
  const slots: Slot[] = [
    { name: 'api', options: { ...common, api: true, pools: {} } },
    ...Array.from({ length: options.workers }, (_, worker) => ({
      name: `worker ${worker + 1}`,
      options: { ...common, api: false, pools: poolsOf(worker, 8) },
    })),
  ]
  const crew: Crew = stack.use(
    await startCrew(slots, {
      script,
      pauseMs: options.leaseMs + 2_000,
      cacheDir: join(directory, 'compiled'),
      onCasualty: recovery.orphan,
    }),
  )
  const subscriber = startSubscriber(crew)
  const person = createPerson(crew, subscriber)

  const ended = new AbortController()
  const restarts = new Map<string, number>()
  const outcomes: Outcome[] = []
  const expected = new Map<string, string>()
  const units = unitsOf(options)
  const kinds = referenceUnits(units)

  const finish = async (unit: Unit, projectId: string): Promise<string> => {
    providers.add(unit)
    try {
      return await person.finish(unit, projectId)
    } catch (error) {
      return `It did not end: ${(error as Error).message}`
    }
  }

  options.say(`reference: one of each kind, undisturbed`)
  await crew.isComplete
  await delay(1_000)
  const atStart = new Map(crew.passes)
  await playReference(kinds, person, finish, expected)
  // The rest of what was passed is told within a second.
  await delay(1_000)
  const calm = new Set(
    [...crew.passes].flatMap(([point, passed]) => (passed > (atStart.get(point) ?? 0) ? [point] : [])),
  )
  options.say(`${calm.size} points were passed; now with faults`)

  const calmEndedAt = Date.now()
  const endsAt = calmEndedAt + options.minutes * 60_000
  const faults = planFaults({
    random,
    crew,
    required: calm,
    wanted: options.hits,
    calm: options.calm,
    most: options.faults,
  })
  const restarting = {
    random,
    counts: restarts,
    most: options.restarts ?? Number.POSITIVE_INFINITY,
    stop: ended.signal,
  }
  const loops = [
    restartLoop(database, 'PostgreSQL', options.databaseMs, restarting),
    ...(redis ? [restartLoop(redis, 'Redis', options.redisMs, restarting)] : []),
    lookLoop(database.url, recovery, ended.signal),
  ]
  crew.disturb(faults.plan)
  let nextUnit = 0
  let toldAt = -1
  let extra = 0
  const take = (): Unit | undefined => {
    if (Date.now() > endsAt) return undefined
    const unit = units[nextUnit]
    nextUnit += 1
    if (unit) return unit
    if (options.hits === 0 || faults.lacking().length === 0) return undefined
    extra += 1
    const template = kinds[extra % kinds.length] as Unit
    return { ...template, key: `${template.type}-${500_000 + extra}` } as Unit
  }
  const lane = async (number: number) => {
    for (let projects = 0; ; projects += 1) {
      let unit = take()
      if (!unit) return
      const projectId = await person.openProject(`lane ${number} ${projects}`)
      for (let left = unitsAProject; unit; left -= 1) {
        outcomes.push({ unit, shown: await finish(unit, projectId) })
        unit = left > 1 ? take() : undefined
      }
    }
  }
  const telling = setInterval(() => {
    options.say(progress(startedAt, outcomes, crew, faults.lacking().length))
    if (outcomes.length === toldAt) for (const [unit, state] of person.states) options.say(`  ${unit}: ${state}`)
    toldAt = outcomes.length
  }, tellEveryMs)
  stack.defer(async () => clearInterval(telling))
  await Promise.all(Array.from({ length: options.lanes }, (_, number) => lane(number)))
  clearInterval(telling)
  const disturbedMs = Date.now() - calmEndedAt
  crew.disturb(null)
  ended.abort()
  await Promise.all(loops)
  options.say('all units have ended; looking at what is left')

  await settled(database.url)
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  stack.defer(() => client.end())
  const { rows: last } = await client.query<{ cursor: string }>(
    `select xid::text || '-' || id::text as cursor from event order by xid desc, id desc limit 1`,
  )
  await subscriber.endAt(last[0]?.cursor ?? '')
  const calls = await checkCalls(client, providers, crew)
  const checks: Check[] = [
    checkOutcomes(outcomes, expected),
    ...(await checkRows(client)),
    ...calls.checks,
    await checkEvents(client, subscriber.seen),
    ...(await checkRepositories(client, dataDir)),
  ]
  if (options.hits > 0) {
    checks.push({ name: `every point was hit by ${options.hits} kills at least`, faults: faults.lacking() })
  }
  const notBegun = Math.max(0, units.length - nextUnit)
  if (notBegun > 0) checks.push({ name: 'all units were begun in time', faults: [`${notBegun} were not`] })
  return {
    options,
    checks,
    calls: calls.figures,
    units: outcomes.length + expected.size,
    disturbedMs,
    startTimes: crew.startTimes,
    casualties: crew.casualties,
    restarts,
    events: subscriber.seen.length,
    reconnections: subscriber.reconnections,
    recovery: { held: recovery.held, taken: recovery.taken },
    points: [...crew.passes].map(([name, passed]) => ({
      name,
      passed,
      isCalm: calm.has(name),
      ...(crew.hits.get(name) ?? { kill: 0, pause: 0, cut: 0, beside: 0 }),
    })),
  }
}

const playReference = async (
  units: readonly Unit[],
  person: Person,
  finish: (unit: Unit, projectId: string) => Promise<string>,
  expected: Map<string, string>,
): Promise<void> => {
  const play = async (unit: Unit) => {
    const shown = await finish(unit, await person.openProject(`reference ${unit.key}`))
    if (!/"status":"(COMMITTED|HUMAN_REJECTED)"/.test(shown)) {
      throw new Error(`Without any fault a ${unit.type} (${unit.kind}) came to: ${shown}`)
    }
    expected.set(`${unit.type}, ${unit.kind}`, shown)
  }
  await Promise.all(units.map(play))
}

interface Restarting {
  readonly random: (below: number) => number
  readonly counts: Map<string, number>
  readonly most: number
  readonly stop: AbortSignal
}

const restartLoop = async (
  store: Store,
  name: string,
  everyMs: number,
  { random, counts, most, stop }: Restarting,
): Promise<void> => {
  for (let turn = 0; turn < most; turn += 1) {
    await delay(everyMs + random(everyMs), undefined, { signal: stop }).catch(() => {})
    if (stop.aborted) return
    const how = `${name}, ${await store.restart(turn)}`
    counts.set(how, (counts.get(how) ?? 0) + 1)
  }
}

// What is done once a minute or an hour is made due again and again, so that it happens often enough to be hit.
const makeDue = [
  `update outbox set created_at = created_at - interval '2 hours'
   where job = 'trim-logs' and published_at is not null and created_at > now() - interval '1 hour'`,
  `update api_token set last_used_at = last_used_at - interval '1 hour'`,
]

const lookLoop = async (url: string, recovery: RecoveryTimes, stop: AbortSignal): Promise<void> => {
  while (!stop.aborted) {
    await whenItAnswers(url, async (client) => {
      for (let turn = 0; !stop.aborted; turn += 1) {
        await recovery.look(client)
        if (turn % 10 === 0) for (const statement of makeDue) await client.query(statement)
        await delay(250)
      }
    })
  }
}

const progress = (startedAt: number, outcomes: readonly Outcome[], crew: Crew, lacking: number): string =>
  `${Math.round((Date.now() - startedAt) / 1_000)} s: ${outcomes.length} units ended, ` +
  `${crew.casualties.length} processes disturbed, ${lacking} points to be hit more often`
