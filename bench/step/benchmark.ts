import { randomUUID } from 'node:crypto'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { fewestStatements } from '../harness/fewest-statements.ts'
import { type Arm, paired } from '../harness/paired.ts'
import { openBullmq, openBullmqWithCommits } from './bullmq.ts'
import { type Countersign, openCountersign } from './countersign.ts'
import { openGraphile } from './graphile.ts'
import { openPgBoss } from './pg-boss.ts'
import { compareStoredSteps } from './stored-steps.ts'
import { createTable } from './table.ts'
import type { Took, Way } from './way.ts'

interface Load {
  readonly name: string
  readonly jobs: number
  readonly rounds: number
  run(way: Way, jobs: number): Promise<Took>
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

const loads: readonly Load[] = [
  {
    name: 'one job at a time',
    jobs: 20,
    rounds: 15,
    async run(way, jobs) {
      const took: Took[] = []
      for (let count = 0; count < jobs; count++) took.push(await way.run(randomUUID()))
      return { stored: mean(took.map(({ stored }) => stored)), completed: mean(took.map(({ completed }) => completed)) }
    },
  },
  {
    name: 'a job of 200 at once, four being done',
    jobs: 200,
    rounds: 9,
    async run(way, jobs) {
      const took = await Promise.all(Array.from({ length: jobs }, () => way.run(randomUUID())))
      return {
        stored: Math.max(...took.map(({ stored }) => stored)) / jobs,
        completed: Math.max(...took.map(({ completed }) => completed)) / jobs,
      }
    },
  },
]

const jobsInSmall = 3

interface Backend {
  readonly name: string
  /** Ours. */
  readonly databaseUrl: string
  readonly ours: Countersign
  readonly bare: Way
  readonly byHand: Way
}

const compareLoad = async (
  context: BenchContext,
  backends: readonly Backend[],
  others: Readonly<Record<'graphile-worker' | 'pg-boss', Way>>,
  load: Load,
): Promise<readonly Comparison[]> => {
  const jobs = context.isSmall ? jobsInSmall : load.jobs
  const ways: Record<string, Way> = { ...others }
  for (const { name, ours, bare, byHand } of backends) {
    Object.assign(ways, { [`ours ${name}`]: ours, [`bare ${name}`]: bare, [`by hand ${name}`]: byHand })
  }
  const stored = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
  const armOf = ([name, way]: readonly [string, Way]): readonly [string, Arm] => [
    name,
    {
      async output() {
        const id = randomUUID()
        await way.run(id)
        return await way.isDone(id)
      },
      async sample(round) {
        const took = await load.run(way, jobs)
        if (round >= 0) stored.get(name)?.push(took.stored)
        return took.completed
      },
    },
  ]
  context.say(load.name)
  const arms = Object.fromEntries(Object.entries(ways).map(armOf))
  const { samples, compared } = await paired(context, { rounds: load.rounds, warmUp: 2, arms })
  const comparisons: Comparison[] = []
  for (const { name, ours } of backends) {
    const { statements, commits } = await fewestStatements(() => ours.run(randomUUID()))
    const shared = { name: `${load.name}, on ${name}`, unit: 'ms', compared } as const
    const [completed, stores] = [samples[`ours ${name}`] ?? [], stored.get(`ours ${name}`) ?? []]
    comparisons.push(
      {
        ...shared,
        reference: 'BullMQ with the same commits by hand',
        samples: { ours: completed, reference: samples[`by hand ${name}`] ?? [] },
        goal: { atMost: 1.15 },
        counts: { 'round trips': statements, transactions: commits },
      },
      {
        ...shared,
        reference: 'BullMQ alone, which stores nothing else',
        samples: { ours: completed, reference: samples[`bare ${name}`] ?? [] },
        goal: null,
      },
      ...Object.keys(others).map((other) => ({
        ...shared,
        reference: other,
        samples: { ours: stores, reference: stored.get(other) ?? [] },
        goal: { atMost: 1 },
        note: 'Beside graphile-worker and pg-boss the time is until the completion is stored; beside BullMQ, until BullMQ has told of it.',
      })),
    )
  }
  return comparisons
}

export const benchmark: Benchmark = {
  name: 'step',
  about:
    'An empty job from the command that asks for it to its stored completion: through the outbox, its relay, the queue and a lease, on both backends of the queues, beside BullMQ on the same backend, graphile-worker and pg-boss. All ask and work in one process. The others ask for their job in the transaction that writes its row, too.',
  async measure(context) {
    await using stack = new AsyncDisposableStack()
    const open = async <Opened extends Way>(opening: Promise<Opened>): Promise<Opened> => stack.use(await opening)
    const redisUrl = await context.redis()
    if (redisUrl === null) context.say('there is no redis-server here: on PostgreSQL alone')
    const backends: Backend[] = []
    for (const [name, url] of [
      ['PostgreSQL', null],
      ['Redis', redisUrl],
    ] as const) {
      if (name === 'Redis' && url === null) continue
      const [own, bare, byHand] = [await context.database(), await context.database(), await context.database()]
      await createTable(own)
      await createTable(byHand)
      backends.push({
        name,
        databaseUrl: own,
        ours: await open(openCountersign({ databaseUrl: own, redisUrl: url }, context.directory)),
        bare: await open(openBullmq({ databaseUrl: bare, redisUrl: url })),
        byHand: await open(openBullmqWithCommits({ databaseUrl: byHand, redisUrl: url })),
      })
    }
    const [forGraphile, forPgBoss] = [await context.database(false), await context.database(false)]
    for (const url of [forGraphile, forPgBoss]) await createTable(url)
    const others = {
      'graphile-worker': await open(openGraphile(forGraphile)),
      'pg-boss': await open(openPgBoss(forPgBoss)),
    }
    const comparisons: Comparison[] = []
    for (const load of loads) comparisons.push(...(await compareLoad(context, backends, others, load)))
    for (const { name, ours, databaseUrl } of backends) {
      if (name !== 'PostgreSQL') continue
      context.say('three stored steps')
      comparisons.push(await compareStoredSteps(context, databaseUrl, ours))
    }
    context.say('closing')
    return comparisons
  },
}
