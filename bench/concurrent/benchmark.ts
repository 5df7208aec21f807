import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { startSprint } from '../../src/cli/demo/operations.ts'
import type { GraphQLClient, Operation } from '../../src/cli/graphql-client.ts'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { openSandbox } from '../harness/sandbox.ts'
import { bareTestMs } from './bare-test.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { idealMs, leastMs } from './ideal-schedule.ts'
import { prepareSprints } from './prepare-sprints.ts'
import { startProbe } from './probe.ts'
import { type EndedSprints, openSprintReader, type SprintReader } from './read-sprints.ts'

interface Sizes {
  readonly sprints: number
  readonly workers: number
  readonly latencyMs: number
  readonly rounds: number
  /** Before the first round, which are not counted: the processes get to know their work. */
  readonly warmUp: number
  /** How long the API is asked while nothing is done. */
  readonly idleMs: number
  /** How often a bare test is run to see how long it takes. */
  readonly bareTests: number
}

const full: Sizes = { sprints: 50, workers: 4, latencyMs: 2_000, rounds: 2, warmUp: 8, idleMs: 15_000, bareTests: 7 }
const small: Sizes = { sprints: 2, workers: 1, latencyMs: 20, rounds: 1, warmUp: 0, idleMs: 200, bareTests: 1 }

/** What somebody looks at who follows a sprint, beside a page of projects. */
const look: Operation<unknown> = {
  document: `query Look($id: ID!) {
    node(id: $id) { ... on Sprint { status phases { kind attempt status summary } } }
    projects(first: 20) { nodes { id name status headCommit } }
  }`,
  data: z.unknown(),
}

const lookEveryMs = 250

const ended = async (reader: SprintReader, ids: readonly string[]): Promise<void> => {
  while ((await reader.left(ids)) > 0) await delay(lookEveryMs)
}

const startAll = (client: GraphQLClient, ids: readonly string[]) =>
  Promise.all(ids.map((id) => client.mutate(startSprint, { id })))

interface Round extends EndedSprints {
  readonly idealMs: number
  /** What no schedule comes below. */
  readonly leastMs: number
  readonly cpuMs: number
  readonly busyP99: number
  readonly idleP99: number
}

const playRound = async (
  { client, slots, cpuMs }: Deployment,
  reader: SprintReader,
  { sprints, idleMs, latencyMs }: Sizes,
  testMs: number,
  round: number,
): Promise<Round> => {
  const names = Array.from({ length: sprints }, (_, index) => `round ${round}, ${index}`)
  const ids = await prepareSprints(client, names)
  const ask = (number: number) => client.query(look, { id: ids[number % ids.length] })
  const cpuBefore = await cpuMs()
  const busy = startProbe(ask)
  await startAll(client, ids)
  await ended(reader, ids)
  await busy.stop()
  const cpu = (await cpuMs()) - cpuBefore
  // After it, so that the same is there to be read.
  const idle = startProbe(ask)
  await delay(idleMs)
  await idle.stop()
  const read = await reader.read(ids, { modelCall: latencyMs, test: testMs })
  if (read.alike !== sprints) throw new Error(`Only ${read.alike} of ${sprints} sprints came to the same change.`)
  return {
    ...read,
    idealMs: idealMs(read.stages, slots),
    leastMs: leastMs(read.stages, slots),
    cpuMs: cpu,
    busyP99: busy.p99(),
    idleP99: idle.p99(),
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const sizes = context.isSmall ? small : full
  const { sprints, workers, latencyMs } = sizes
  const cores = availableParallelism()
  if ((await openSandbox(context)) === null) return []
  const testMs = await bareTestMs(context.directory, sizes.bareTests)
  await using deployment = await startDeployment(context, { workers, latencyMs, cores })
  await using reader = await openSprintReader(deployment.databaseUrl)
  if (sizes.warmUp > 0) {
    const first = Array.from({ length: sizes.warmUp }, (_, index) => `warm-up, ${index}`)
    const ids = await prepareSprints(deployment.client, first)
    await startAll(deployment.client, ids)
    await ended(reader, ids)
  }
  const rounds: Round[] = []
  while (rounds.length < (context.isSmall ? sizes.rounds : (context.rounds ?? sizes.rounds))) {
    const round = await playRound(deployment, reader, sizes, testMs, rounds.length + 1)
    rounds.push(round)
    context.say(
      `${sprints} sprints in ${seconds(round.ms)}, ideally in ${seconds(round.idealMs)}; ` +
        `${seconds(round.cpuMs)} of CPU; p99 ${round.busyP99.toFixed(0)} ms, idle ${round.idleP99.toFixed(0)} ms`,
    )
  }
  const perMinute = (ms: number) => (sprints * 60_000) / ms
  const [first] = rounds
  const name = `${sprints} sprints at once, ${workers} workers`
  const ofAll = (total = 0) => total / sprints
  return [
    {
      name,
      reference: 'the ideal schedule for the same latencies and slots',
      unit: 'sprints/min',
      samples: {
        ours: rounds.map(({ ms }) => perMinute(ms)),
        reference: rounds.map((round) => perMinute(round.idealMs)),
      },
      goal: { atLeast: 0.9 },
      compared: sprints * rounds.length,
      counts: { 'calls of models per sprint': ofAll(first?.modelCalls), 'tests per sprint': ofAll(first?.tests) },
      note:
        `Each call of a model takes ${seconds(latencyMs)}. Ideal is a schedule in which nothing else takes time but the ` +
        `tests, each as long as it is bare (${testMs.toFixed(0)} ms), on ${cores} cores: all sprints begin at once, a ` +
        `piece of work holds its slot of the pool (${deployment.slots.candidates} for candidates) as long as its calls ` +
        `and tests take, and whatever is free is taken at once (${seconds(first?.idealMs ?? 0)}; no schedule at all ` +
        `takes less than ${seconds(first?.leastMs ?? 0)}). What the ${cores} cores were busy with besides: ` +
        `${seconds(ofAll(first?.cpuMs))} of CPU a sprint, the database's among it`,
    },
    {
      name: `the API's 99th percentile under this load`,
      reference: 'the same questions when idle',
      unit: 'ms',
      samples: { ours: rounds.map(({ busyP99 }) => busyP99), reference: rounds.map(({ idleP99 }) => idleP99) },
      goal: { atMost: 3 },
      compared: sprints * rounds.length,
      note: 'A sprint with its phases and a page of projects, twenty times a second, counted from when each was due',
    },
  ]
}

/** Many sprints at once, beside what their models' latencies and the slots would allow. */
export const benchmark: Benchmark = {
  name: 'concurrent',
  about:
    'Fifty sprints at once on four workers, with two candidates each and two seconds for each answer of a model, beside the ideal schedule for the same latencies and slots; and how long the API takes to answer meanwhile, beside when it is idle.',
  measure,
}
