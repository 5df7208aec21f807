import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultLimits } from '../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../src/adapters/sandbox/remove-tree.ts'
import { createSandbox } from '../src/adapters/sandbox/select.ts'
import { supervised } from '../src/domain/testing/runners/supervised.ts'

/**
 * What the sandbox adds to a test: the same command in it, and bare on the host, in turns. The third pair has who
 * watches over pytest in the sandbox alone, as a test run has it. Ends with 1 when a median adds more than is allowed.
 * Usage: node bench/sandbox.ts [--rounds 200] [--most 25] [--json]
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    most: { type: 'string', default: '25' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const mostMs = Number(values.most)
const warmUp = 5

interface Measured {
  readonly name: string
  readonly rounds: number
  /** Medians, in milliseconds. */
  readonly bareMs: number
  readonly sandboxedMs: number
  /** The median of the differences of the pairs. */
  readonly addedMs: number
  /** Nine of ten pairs are below. */
  readonly addedHighMs: number
}

const searchPath = process.env.PATH ?? ''
const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const base = join(directory, 'base')
mkdirSync(base)
writeFileSync(join(base, 'test_sum.py'), 'def test_sum():\n    assert sum([1, 2, 3]) == 6\n')

const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath, scratch: join(directory, 'scratch') })

const inSandbox = async (argv: readonly string[]): Promise<void> => {
  const workspace = { base, changes: [] }
  const result = await sandbox.run({ argv, workspace, limits: defaultLimits.standard })
  if (result.exitCode !== 0) throw new Error(`${argv[0]} ended with ${result.exitCode}: ${result.stderr}`)
}

const bare = async ([program = '', ...rest]: readonly string[]): Promise<void> => {
  const child = spawn(program, rest, {
    cwd: base,
    env: { PATH: searchPath, HOME: directory, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.resume()
  child.stderr.resume()
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
}

const at = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

async function measure(name: string, argv: readonly string[], confined: readonly string[] = argv): Promise<Measured> {
  const pairs: { bare: number; sandboxed: number }[] = []
  for (let round = 0; round < warmUp + rounds; round++) {
    const pair = { bare: await timed(() => bare(argv)), sandboxed: await timed(() => inSandbox(confined)) }
    if (round >= warmUp) pairs.push(pair)
  }
  const added = pairs.map((pair) => pair.sandboxed - pair.bare)
  return {
    name,
    rounds,
    bareMs: at(
      pairs.map((pair) => pair.bare),
      0.5,
    ),
    sandboxedMs: at(
      pairs.map((pair) => pair.sandboxed),
      0.5,
    ),
    addedMs: at(added, 0.5),
    addedHighMs: at(added, 0.9),
  }
}

try {
  const availability = await sandbox.availability()
  if (!availability.available) throw new Error(`${availability.reason} ${availability.remedy}`)
  const pytest = ['python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider']
  const results: Measured[] = []
  for (const [name, argv, confined] of [
    ['true', ['true']],
    ['pytest', pytest],
    ['pytest, watched over', pytest, supervised(pytest)?.argv],
  ] as const) {
    const result = await measure(name, argv, confined)
    results.push(result)
    const show = (ms: number) => `${ms.toFixed(1)} ms`.padStart(9)
    if (!values.json) {
      console.log(
        `${name.padEnd(22)} bare ${show(result.bareMs)}  sandboxed ${show(result.sandboxedMs)}  ` +
          `added ${show(result.addedMs)} (90%: ${show(result.addedHighMs)})`,
      )
    }
  }
  if (values.json) console.log(JSON.stringify({ mostMs, detail: availability.detail, results }, null, 2))
  if (results.some(({ addedMs }) => addedMs > mostMs)) process.exitCode = 1
} finally {
  await removeTree(directory)
  rmSync(directory, { recursive: true, force: true })
}
