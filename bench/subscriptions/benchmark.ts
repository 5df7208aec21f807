import { deepStrictEqual } from 'node:assert/strict'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { type BenchProcess, startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import { shuffled } from '../harness/random.ts'
import { makeRows } from '../harness/rows.ts'
import { quantile } from '../harness/statistics.ts'
import { withoutPlace } from './protocol.ts'
import { openSubscribers, type Subscribers } from './subscribers.ts'
import type { Burst } from './writer-process.ts'

const full = { people: 500, projects: 20, events: 600, perSecond: 200, log: 1_000_000, rounds: 10, warmUp: 2 }
const small = { people: 8, projects: 2, events: 10, perSecond: 200, log: 500, rounds: 1, warmUp: 0 }
type Sizes = typeof full

type Server = BenchProcess<{ readonly url: string }>
type Writer = BenchProcess<null>

/** What one burst of events shows of the servers that people follow. */
interface Sample {
  readonly messagesPerSecond: number
  readonly messagesPerCpuSecond: number
  /** From the commit to the client, for all but one message in a hundred. */
  readonly p99Ms: number
}

interface Side extends AsyncDisposable {
  readonly messages: () => Promise<readonly string[]>
  readonly sample: () => Promise<Sample>
}

/** Servers with everybody connected to them. @param write which of the writer's ways to write they hear of */
const openSide = async (
  servers: readonly Server[],
  writer: Writer,
  write: 'asProduct' | 'byHand',
  { people, projects, events, perSecond }: Sizes,
): Promise<Side> => {
  const writeBurst = (from: number, count: number) =>
    writer.ask<readonly number[]>(write, { from, count, perSecond, projects } satisfies Burst)
  const urls = servers.map(({ ready }) => ready.url)
  const subscribers: Subscribers = await openSubscribers({ urls, people, projects }, writeBurst)
  const cpuMs = async () =>
    (await Promise.all(servers.map((server) => server.cpuMs()))).reduce((sum, ms) => sum + ms, 0)
  // Beyond those by which it was seen that everybody hears.
  let from = 1_000_000
  const hearBurst = async () => {
    const hearing = subscribers.hear(from, events)
    const [heard, committedAt] = await Promise.all([hearing, writeBurst(from, events)])
    from += events
    return { ...heard, committedAt }
  }
  return {
    messages: async () => (await hearBurst()).messages.map(withoutPlace),
    async sample() {
      const before = await cpuMs()
      const { at, committedAt } = await hearBurst()
      const usedMs = (await cpuMs()) - before
      const times = at.flat()
      const delays = at.flatMap((heardAt, index) => heardAt.map((time) => time - (committedAt[index] ?? Number.NaN)))
      const tookMs = times.reduce((last, time) => Math.max(last, time), 0) - Math.min(...committedAt)
      return {
        messagesPerSecond: (times.length / tookMs) * 1_000,
        messagesPerCpuSecond: (times.length / usedMs) * 1_000,
        p99Ms: quantile(delays, 0.99),
      }
    },
    [Symbol.asyncDispose]: () => subscribers[Symbol.asyncDispose](),
  }
}

/** Samples of several sides, in turns, of which each gives several figures at once. */
const inTurns = async <Name extends string>(
  { random, isSmall, rounds }: BenchContext,
  sides: Readonly<Record<Name, Side>>,
  sizes: Sizes,
): Promise<Readonly<Record<Name, readonly Sample[]>>> => {
  const names = Object.keys(sides) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>
  const wanted = isSmall ? sizes.rounds : (rounds ?? sizes.rounds)
  for (let round = -sizes.warmUp; round < wanted; round++) {
    for (const name of shuffled(names, random)) {
      const sample = await sides[name].sample()
      if (round >= 0) samples[name].push(sample)
    }
  }
  return samples
}

const bare = new URL('bare-process.ts', import.meta.url)
const writing = new URL('writer-process.ts', import.meta.url)

const openWriter = (databaseUrl: string, dataDir: string) =>
  startProcess<null>(writing, { env: { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, LOG_LEVEL: 'fatal' } })

/** Two servers of each kind on one database. */
const compareWithBroadcast = async (context: BenchContext, sizes: Sizes): Promise<readonly Comparison[]> => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = await context.database()
  await makeRows(databaseUrl, { people: sizes.people, projects: sizes.projects, diffs: 0, events: 0 })
  const places = { databaseUrl, dataDir: context.directory }
  const startOne = async () => stack.use(await startProduct(places, {}, { isHere: context.isSmall }))
  const product = [await startOne(), await startOne()]
  const broadcast = [
    stack.use(await startProcess<{ readonly url: string }>(bare, { databaseUrl })),
    stack.use(await startProcess<{ readonly url: string }>(bare, { databaseUrl })),
  ]
  const writer = stack.use(await openWriter(databaseUrl, context.directory))
  context.say(`${sizes.people} people follow ${sizes.projects} projects`)
  const ours = stack.use(await openSide(product, writer, 'asProduct', sizes))
  const reference = stack.use(await openSide(broadcast, writer, 'byHand', sizes))
  deepStrictEqual(await ours.messages(), await reference.messages())
  const samples = await inTurns(context, { ours, reference }, sizes)
  const compare = (figure: keyof Sample) => ({
    reference: 'a bare ws broadcast of the same bytes, told by NOTIFY',
    samples: {
      ours: samples.ours.map((sample) => sample[figure]),
      reference: samples.reference.map((sample) => sample[figure]),
    },
    compared: 1,
  })
  const load = `${sizes.perSecond} events/s`
  return [
    {
      ...compare('messagesPerSecond'),
      name: `delivered at ${load}`,
      unit: 'messages/s',
      goal: { atLeast: 0.8 },
      counts: { 'messages of a burst': (sizes.events * sizes.people) / sizes.projects },
    },
    {
      ...compare('messagesPerCpuSecond'),
      name: `at ${load}, by the second of CPU`,
      unit: 'messages/s',
      goal: { atLeast: 0.8 },
      note: 'A second of CPU of the two servers together. The product reads the log and executes GraphQL, the reference is handed the bytes.',
    },
    { ...compare('p99Ms'), name: `from commit to client at ${load}, 99 of 100`, unit: 'ms', goal: { atMost: 1.4 } },
  ]
}

/** One server on a log that has just begun, and one on a long one. */
const compareLogs = async (context: BenchContext, sizes: Sizes): Promise<Comparison> => {
  await using stack = new AsyncDisposableStack()
  const few = { ...sizes, people: Math.min(sizes.people, 100) }
  const openOn = async (events: number, name: string) => {
    const databaseUrl = await context.database()
    await makeRows(databaseUrl, { people: few.people, projects: few.projects, diffs: 0, events })
    const dataDir = `${context.directory}/${name}`
    const product = stack.use(await startProduct({ databaseUrl, dataDir }, {}, { isHere: context.isSmall }))
    const writer = stack.use(await openWriter(databaseUrl, dataDir))
    return stack.use(await openSide([product], writer, 'asProduct', few))
  }
  context.say(`making a log of ${sizes.log} events`)
  const long = await openOn(sizes.log, 'long')
  const short = await openOn(0, 'short')
  deepStrictEqual(await long.messages(), await short.messages())
  const samples = await inTurns(context, { long, short }, few)
  const perMessage = (taken: readonly Sample[]) => taken.map(({ messagesPerCpuSecond }) => 1_000 / messagesPerCpuSecond)
  return {
    name: `a message to one of ${few.people} people behind a log of ${sizes.log} events`,
    reference: 'the same behind an empty log',
    unit: 'CPU ms',
    samples: { ours: perMessage(samples.long), reference: perMessage(samples.short) },
    goal: { atMost: 1.1 },
    compared: 1,
  }
}

export const benchmark: Benchmark = {
  name: 'subscriptions',
  about:
    'Events, each committed by itself and announced as the product does it, to 500 people who follow 20 projects by graphql-ws on two API processes, against two bare ws servers that are handed the same messages and broadcast them.',
  async measure(context) {
    const sizes = context.isSmall ? small : full
    return [...(await compareWithBroadcast(context, sizes)), await compareLogs(context, sizes)]
  },
}
