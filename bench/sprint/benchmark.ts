import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { cpuMsOfProcess } from '../harness/cpu.ts'
import { armOf, paired, timed } from '../harness/paired.ts'
import { startProduct } from '../harness/product.ts'
import { pathOfInterpreters } from '../harness/programs.ts'
import { openSandbox } from '../harness/sandbox.ts'
import { demoWork, helloWork, prepareSprint, type SprintOutcome } from './demo-sprint.ts'
import { recordSprint } from './record-sprint.ts'
import { openScratch, runSprintBare } from './run-bare.ts'

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const { isSmall, directory, say } = context
  if ((await openSandbox(context)) === null) return []
  const work = isSmall ? helloWork : await demoWork()
  say('a sprint whose processes are written down')
  const recording = join(directory, 'recorded')
  await mkdir(recording)
  const recorded = await recordSprint(await context.database(), recording, work)
  const place = { scratch: await openScratch(directory), path: await pathOfInterpreters() }
  const counts = {
    'tests in the sandbox': recorded.tests.length,
    'git processes': recorded.git.length,
    'calls of models': recorded.modelCalls,
  }
  say(
    Object.entries(counts)
      .map((pair) => pair.join(' '))
      .join(', '),
  )

  await using product = await startProduct(
    { databaseUrl: await context.database(), dataDir: join(directory, 'data') },
    { pools: defaultPoolSizes },
    { isHere: isSmall },
  )
  let projects = 0
  const prepare = () => {
    projects += 1
    return prepareSprint(product.ready, work, `sprint ${projects}`)
  }
  const cpu = { ours: [] as number[], reference: [] as number[] }
  const isCounted = (round: number | null) => round !== null && round >= 0
  const childrensCpuMs = () => cpuMsOfProcess(process.pid, true) - cpuMsOfProcess(process.pid)
  const { samples, compared } = await paired(context, {
    rounds: 12,
    warmUp: 2,
    arms: {
      ours: armOf(context, async (round) => {
        await using prepared = await prepare()
        const before = cpuMsOfProcess(product.pid, true)
        let output: SprintOutcome | undefined
        const sample = await timed(async () => {
          output = await prepared.run()
        })
        if (isCounted(round)) cpu.ours.push(cpuMsOfProcess(product.pid, true) - before)
        return { output, sample }
      }),
      reference: armOf(context, async (round) => {
        const before = childrensCpuMs()
        const sample = await runSprintBare(recorded, place)
        if (isCounted(round)) cpu.reference.push(childrensCpuMs() - before)
        return { output: recorded.outcome, sample }
      }),
    },
  })
  const found = compared + recorded.tests.length + recorded.git.length
  const name = isSmall ? 'a sprint of one file' : "the demo's sprint"
  const reference = 'its test processes and git processes, bare and one after the other'
  return [
    {
      name,
      reference,
      unit: 'ms',
      samples,
      goal: { atMost: 1.5 },
      counts,
      compared: found,
      note: 'from the creation of the sprint to the end of the tests of its diff, as the demo waits for them; two candidates and the tests of a run are at work side by side, what they are compared with is not',
    },
    {
      name: `${name}, CPU`,
      reference,
      unit: 'CPU ms',
      samples: cpu,
      goal: null,
      compared: found,
      note: "the server's and its children's, the rehearsal of both providers among it; without PostgreSQL's",
    },
  ]
}

/** The demo's sprint beside what it cannot do without. */
export const benchmark: Benchmark = {
  name: 'sprint',
  about:
    "The demo's sprint, with providers that answer at once, beside the sum of the test processes and git processes that it runs, each timed bare: without sandbox, server or database.",
  measure,
}
