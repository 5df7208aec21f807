import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { supervised } from '../../src/domain/testing/runners/supervised.ts'
import type { Benchmark, Comparison } from '../harness/benchmark.ts'
import { armOf, paired, timed } from '../harness/paired.ts'
import { pathOfInterpreters } from '../harness/programs.ts'
import { openSandbox } from '../harness/sandbox.ts'

const pytest = ['python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider']

interface Pair {
  readonly name: string
  readonly bare: readonly string[]
  readonly confined: readonly string[]
  readonly rounds: number
}

const pairs: readonly Pair[] = [
  { name: '`true`', bare: ['true'], confined: ['true'], rounds: 100 },
  { name: 'pytest', bare: pytest, confined: pytest, rounds: 50 },
  // Who watches over pytest is in the sandbox alone, as a test run has it.
  { name: 'pytest, watched over', bare: pytest, confined: supervised(pytest)?.argv ?? pytest, rounds: 50 },
]

/** What a person reads of it: how long it took is another time another. */
const passed = (output: string): string => /\d+ passed/.exec(output)?.[0] ?? output

const timedOutput = async (run: () => Promise<string>) => {
  let output = ''
  const sample = await timed(async () => {
    output = await run()
  })
  return { output: passed(output), sample }
}

export const benchmark: Benchmark = {
  name: 'sandbox',
  about: 'What the sandbox adds to a command: the same one in it, in a workspace, and bare on the machine.',
  async measure(context) {
    const sandbox = await openSandbox(context)
    if (sandbox === null) return []
    const path = await pathOfInterpreters()
    const base = join(context.directory, 'base')
    mkdirSync(base)
    writeFileSync(join(base, 'test_sum.py'), 'def test_sum():\n    assert sum([1, 2, 3]) == 6\n')
    const runConfined = async (argv: readonly string[]): Promise<string> => {
      const workspace = { base, changes: [] }
      const { exitCode, stdout, stderr } = await sandbox.run({ argv, workspace, limits: defaultLimits.standard })
      if (exitCode !== 0) throw new Error(`${argv[0]} ended with ${exitCode}: ${stderr}`)
      return stdout
    }
    const runBare = async ([program = '', ...rest]: readonly string[]): Promise<string> => {
      const child = spawn(program, rest, {
        cwd: base,
        env: { PATH: path, HOME: context.directory, LANG: 'C.UTF-8' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const closed = once(child, 'close')
      const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
      if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}`)
      return stdout
    }
    const comparisons: Comparison[] = []
    // Pytest starts slowly: in small it is run only as tests are run.
    const chosen = context.isSmall ? pairs.filter(({ name }) => name !== 'pytest') : pairs
    for (const { name, bare, confined, rounds } of chosen) {
      context.say(name)
      const { samples, compared } = await paired(context, {
        rounds,
        warmUp: 5,
        arms: {
          ours: armOf(context, () => timedOutput(() => runConfined(confined))),
          reference: armOf(context, () => timedOutput(() => runBare(bare))),
        },
      })
      comparisons.push({
        name,
        reference: 'the bare process',
        unit: 'ms',
        samples,
        goal: { addsAtMost: 25 },
        compared,
      })
    }
    return comparisons
  },
}
