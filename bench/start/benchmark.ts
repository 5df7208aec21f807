import { join } from 'node:path'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { type Arm, paired } from '../harness/paired.ts'
import { compileEmptyServer } from './compiled-empty-server.ts'
import type { Launched } from './launch.ts'
import { type MemorySizes, measureMemory } from './memory.ts'
import { createStarts, type Starts } from './starts.ts'

const memorySizes: MemorySizes = { rounds: 3, diffs: 1_000, firstRequests: 2_000, requests: 10_000 }
const smallMemorySizes: MemorySizes = { rounds: 1, diffs: 4, firstRequests: 20, requests: 40 }

/** @param note is told of each sample that counts */
const armOf = <Start extends Pick<Launched, 'ms' | 'answer' | 'stop'>>(
  begin: () => Promise<Start>,
  note: (start: Start) => void = () => {},
): Arm => ({
  async output() {
    const launched = await begin()
    await launched.stop()
    return launched.answer
  },
  async sample(round) {
    const launched = await begin()
    await launched.stop()
    if (round >= 0) note(launched)
    return launched.ms
  },
})

/** What `npm start` or the API alone takes to its first answer, in time and in CPU, beside the empty server. */
const compareWithEmpty = async (
  context: BenchContext,
  begin: () => Promise<Launched>,
  empty: () => Promise<Launched>,
  rounds: number,
) => {
  const cpu = { ours: [] as number[], reference: [] as number[] }
  const { samples, compared } = await paired(context, {
    rounds,
    warmUp: 2,
    arms: {
      ours: armOf(begin, ({ cpuMs }) => cpu.ours.push(cpuMs)),
      reference: armOf(empty, ({ cpuMs }) => cpu.reference.push(cpuMs)),
    },
  })
  return { samples, compared, cpu }
}

const emptyReference = 'an empty Yoga, Pothos and MikroORM server on a running database'

const measureWarm = async (context: BenchContext, starts: Starts): Promise<readonly Comparison[]> => {
  const { samples, compared, cpu } = await compareWithEmpty(context, starts.warm, starts.empty, 12)
  return [
    {
      name: 'npm start to the first answer, warm',
      reference: emptyReference,
      unit: 'ms',
      samples,
      goal: { atMost: 1.5 },
      compared,
      note: 'with the start of its own PostgreSQL; both are bundled, and keep what Node compiles for the next start',
    },
    {
      name: 'npm start to the first answer, warm, CPU',
      reference: emptyReference,
      unit: 'CPU ms',
      samples: cpu,
      goal: null,
      compared,
      note: 'of the Node process alone',
    },
  ]
}

const measureApi = async (context: BenchContext, starts: Starts): Promise<readonly Comparison[]> => {
  const { samples, compared, cpu } = await compareWithEmpty(context, starts.api, starts.empty, 8)
  const common = { reference: emptyReference, goal: null, compared }
  return [
    { ...common, name: 'the API alone on a running database', unit: 'ms', samples },
    { ...common, name: 'the API alone on a running database, CPU', unit: 'CPU ms', samples: cpu },
  ]
}

const measureWithDatabase = async (context: BenchContext, starts: Starts): Promise<readonly Comparison[]> => {
  const compare = (ours: Arm, reference: Arm, rounds: number, warmUp: number) =>
    paired(context, { rounds, warmUp, arms: { ours, reference } })
  const cold = await compare(armOf(starts.cold), armOf(starts.emptyCold), 5, 0)
  const warm = await compare(armOf(starts.warm), armOf(starts.emptyWarm), 8, 1)
  return [
    {
      name: 'npm start to the first answer, cold',
      reference: 'initdb, the start of PostgreSQL and of the empty server, one after the other',
      unit: 'ms',
      ...cold,
      goal: null,
      note: 'on a new data directory: the cluster, the tables and the keys are made',
    },
    {
      name: 'npm start to the first answer, warm, with its database',
      reference: 'the start of PostgreSQL and of the empty server, one after the other',
      unit: 'ms',
      ...warm,
      goal: null,
    },
  ]
}

const measureMemories = async (context: BenchContext, emptyServer: string): Promise<readonly Comparison[]> => {
  const sizes = context.isSmall ? smallMemorySizes : memorySizes
  const { idle, diffs, heap, compared } = await measureMemory(context, sizes, emptyServer)
  const rounded = (mib: number) => Math.round(mib * 10) / 10
  return [
    {
      name: 'memory of an idle API process',
      reference: 'the empty server',
      unit: 'MiB',
      samples: idle,
      goal: { atMost: 1.5 },
      compared: compared.idle,
      note: 'resident, after a first answer and a garbage collection',
    },
    {
      name: `memory of an API process after ${sizes.diffs} diffs`,
      reference: 'the same process when it was idle',
      unit: 'MiB',
      samples: { ours: [diffs.after], reference: [diffs.before] },
      goal: null,
      compared: compared.idle,
    },
    {
      name: `heap after ${sizes.requests} requests`,
      reference: 'before them',
      unit: 'MiB',
      samples: { ours: [heap.after], reference: [heap.before] },
      goal: { addsAtMost: 2 },
      counts: {
        'MiB of heap before': rounded(heap.before),
        'MiB of heap after': rounded(heap.after),
        requests: sizes.requests,
      },
      compared: compared.requests,
      note: 'in use, each after a garbage collection',
    },
  ]
}

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const emptyServer = await compileEmptyServer(join(context.directory, 'empty-server'))
  const starts = await createStarts(context, emptyServer)
  return [
    ...(await measureWarm(context, starts)),
    // These take their time however small all else is.
    ...(context.isSmall ? [] : await measureApi(context, starts)),
    ...(context.isSmall ? [] : await measureWithDatabase(context, starts)),
    ...(await measureMemories(context, emptyServer)),
  ]
}

/** How soon the product answers, and how much memory it takes, beside a server with nothing in it. */
export const benchmark: Benchmark = {
  name: 'start',
  about:
    'From `npm start` to the first answered query, on a data directory that is new and on one that was used, and how much memory an API process takes and keeps, beside an empty server of the same libraries, which is bundled as ours is.',
  measure,
}
