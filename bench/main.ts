import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchmarks } from './benchmarks.ts'
import { removeLeftovers } from './harness/leftovers.ts'
import { thisMachine, versions } from './harness/machine.ts'
import { mergedResults } from './harness/merged-results.ts'
import { performancePage } from './harness/performance-page.ts'
import { reportOf } from './harness/report.ts'
import type { Result } from './harness/result.ts'
import { runBenchmark } from './harness/run.ts'
import { openStores } from './harness/stores.ts'

const usage = `Usage: npm run bench -- [--only NAME]... [--rounds N] [--seed N] [--json] [--write]

Compares Countersign with what would be used in its place, in turns, and says medians, quartiles and ratios.

  --only NAME       this benchmark; may be given several times: ${Object.keys(benchmarks).join(', ')}
  --rounds N        rounds that count, in place of each benchmark's own number
  --seed N          draws the order of the turns; 1 when left out
  --small           tiny and with one round: shows that it works, and its figures mean nothing
  --json            the results as JSON: one object, with those that failed
  --write           keeps the results in bench/results.json and writes docs/performance.md from it
  --postgres URL    a PostgreSQL to make databases on, in place of one that is started for the run
  --template NAME   a migrated database there to copy, in place of one that is migrated for the run
  --redis URL       a Redis, likewise

It ends with 1 when a benchmark failed, and never since something was slow.
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    small: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    postgres: { type: 'string' },
    template: { type: 'string' },
    redis: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const prefix = 'countersign-bench-'

const places = {
  results: new URL('results.json', import.meta.url),
  page: new URL('../docs/performance.md', import.meta.url),
}

const wholeNumber = (text: string, option: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes a whole number from 1, and not ${text}.`)
  return Number(text)
}

const chosen = (): readonly string[] => {
  const names = (values.only ?? Object.keys(benchmarks)).flatMap((text) => text.split(','))
  const unknown = names.find((name) => benchmarks[name] === undefined)
  if (unknown === undefined) return [...new Set(names)]
  throw new Error(`There is no benchmark ${unknown}, but these: ${Object.keys(benchmarks).join(', ')}.`)
}

/** Keeps the result beside those of the other benchmarks, and writes the page from all. */
const write = async (result: Result): Promise<void> => {
  const kept: readonly Result[] = existsSync(places.results) ? JSON.parse(await readFile(places.results, 'utf8')) : []
  const names = Object.keys(benchmarks)
  const all = mergedResults(kept, [result], names)
  await writeFile(places.results, `${JSON.stringify(all, null, 2)}\n`)
  await writeFile(places.page, performancePage(await readFile(places.page, 'utf8'), all, names))
}

const run = async (): Promise<void> => {
  const names = chosen()
  const rounds = values.rounds === undefined ? undefined : wholeNumber(values.rounds, '--rounds')
  const seed = wholeNumber(values.seed, '--seed')
  if (values.write && values.small) throw new Error('The figures of --small mean nothing: they are not written.')
  const say = (line: string) => process.stderr.write(`${line}\n`)
  await removeLeftovers(tmpdir(), prefix)
  const directory = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
  // The database has a user of its own, who must pass through.
  await chmod(directory, 0o755)
  const circumstances = { machine: thisMachine(), versions: versions() }
  const results: Result[] = []
  const failures: { readonly name: string; readonly fault: string }[] = []
  try {
    await using stores = openStores({
      directory,
      serverUrl: values.postgres,
      template: values.template,
      redisUrl: values.redis,
    })
    for (const name of names) {
      try {
        const { benchmark } = (await benchmarks[name]?.()) ?? {}
        if (benchmark === undefined) throw new Error(`There is no benchmark ${name}.`)
        const options = { isSmall: values.small, rounds, seed, directory, stores, say, circumstances }
        const result = await runBenchmark(benchmark, options)
        results.push(result)
        // At once: what comes after it may be broken off.
        if (values.write) await write(result)
        if (!values.json) process.stdout.write(`${reportOf(result)}\n`)
      } catch (error) {
        const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
        failures.push({ name, fault })
        say(`${name} failed: ${fault}`)
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ results, failures }, null, 2)}\n`)
  if (failures.length > 0) process.exitCode = 1
}

if (values.help) {
  process.stdout.write(usage)
} else {
  await run().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
