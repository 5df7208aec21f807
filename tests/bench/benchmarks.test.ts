import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, inject, it } from 'vitest'
import { benchmarks } from '../../bench/benchmarks.ts'
import type { Result, Row } from '../../bench/harness/result.ts'
import { createTestDatabase } from '../support/database.ts'
import { testRedis } from '../support/redis.ts'
import { testSandbox } from '../support/sandbox.ts'

interface Outcome {
  readonly results: readonly Result[]
  readonly failures: readonly { readonly name: string; readonly fault: string }[]
}

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

let outcome: Outcome

// All in one process, which takes less than one for each: what they are compared with has processes of its own.
beforeAll(async () => {
  const database = inject('database')
  if ('fault' in database) throw new Error(`There is no database for the tests: ${database.fault}`)
  // A copy: while others copy the one of the run, it cannot be copied.
  await using template = await createTestDatabase()
  const { url: redisUrl } = testRedis()
  const places = [
    ...['--postgres', database.serverUrl, '--template', new URL(template.url).pathname.slice(1)],
    ...(redisUrl === null ? [] : ['--redis', redisUrl]),
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [main, '--small', '--json', ...places], {
    maxBuffer: 2 ** 26,
  }).catch((error: Error & { stdout?: string }) => {
    // It ends with 1 when one of them failed, which is for that one's test to say.
    if (!error.stdout) throw error
    return { stdout: error.stdout }
  })
  outcome = JSON.parse(stdout)
}, 600_000)

const rowsOf = (name: string): readonly Row[] => {
  const failure = outcome.failures.find((failed) => failed.name === name)
  if (failure) throw new Error(failure.fault)
  return outcome.results.find((result) => result.name === name)?.rows ?? []
}

/** The counts of the rows whose names begin with these words, which a benchmark has at several sizes. */
const countsOf = (rows: readonly Row[], words: string): readonly Row['counts'][] => {
  const found = rows.filter(({ name, counts }) => name.includes(words) && Object.keys(counts).length > 0)
  return found.map(({ counts }) => counts)
}

/** The same at each of several sizes. */
const expectConstant = (counts: readonly unknown[]): void => {
  expect(counts.length).toBeGreaterThan(1)
  for (const each of counts) expect(each).toEqual(counts[0])
}

/** What each benchmark has to show in small, whatever the machine. */
const shows: Readonly<Record<string, (rows: readonly Row[]) => void>> = {
  'graphql-read'(rows) {
    const pages = countsOf(rows, 'page of 50 diffs')
    expect(pages).toHaveLength(4)
    for (const counts of pages) expect(counts.statements).toBe(counts['statements for 10 diffs'])
  },
  'graphql-write'(rows) {
    expect(rows.map(({ name, counts }) => [name, counts.commits])).toEqual([
      ['addReviewComment', 1],
      ['answerInterview', 1],
    ])
    // Who asks, what is remarked on, the locks, the remark, the commit: nothing is read again for the answer.
    expect(rows[0]?.counts.statements).toBe(5)
  },
  subscriptions(rows) {
    expect(countsOf(rows, 'delivered')).toEqual([{ 'messages of a burst': 40 }])
  },
  resume(rows) {
    for (const counts of countsOf(rows, 'behind in a log')) {
      // Five hundred are read at a time, and what the server looks for by itself meanwhile counts with them.
      const more = Number(counts['statements for 600 events']) - Number(counts['statements for 300 events'])
      expect(more).toBeLessThan(10)
    }
  },
  step(rows) {
    for (const backend of ['PostgreSQL', ...(testRedis().url === null ? [] : ['Redis'])]) {
      // The command and the stored completion: each is one.
      for (const { transactions } of countsOf(rows, `one job at a time, on ${backend}`)) expect(transactions).toBe(2)
    }
    // The lease, each of the steps, and letting go.
    expect(countsOf(rows, 'three stored steps')).toEqual([{ 'round trips': 5, transactions: 3 }])
  },
  patch(rows) {
    expectConstant(countsOf(rows, 'apply: '))
    expectConstant(countsOf(rows, 'patch to commit: '))
  },
  import(rows) {
    // Fewer than there are files; what the server looks for by itself adds one now and then.
    const counts = countsOf(rows, '60 files').map(({ statements }) => statements)
    expect(counts).toHaveLength(2)
    expect(Math.max(...counts.map(Number))).toBeLessThan(30)
  },
  workspace(rows) {
    expect(countsOf(rows, 'every further workspace')).toEqual([{ 'git processes': 0 }])
  },
  sandbox(rows) {
    expect(rows.map(({ name }) => name)).toEqual(['`true`', 'pytest, watched over'])
  },
  safety(rows) {
    expect(countsOf(rows, 'file never seen before')).toEqual([{ 'contents analysed': 2 }])
    expect(countsOf(rows, 'file seen before')).toEqual([{ 'contents analysed': 1 }])
  },
  sprint(rows) {
    const [counts] = countsOf(rows, 'a sprint of one file')
    expect(counts?.['tests in the sandbox']).toBeGreaterThan(0)
    expect(counts?.['git processes']).toBeGreaterThan(0)
    expect(counts?.['calls of models']).toBeGreaterThan(0)
  },
  concurrent(rows) {
    const [counts] = countsOf(rows, 'sprints at once')
    expect(counts?.['calls of models per sprint']).toBeGreaterThan(0)
    expect(counts?.['tests per sprint']).toBeGreaterThan(0)
  },
  start(rows) {
    expect(countsOf(rows, 'heap after').map(({ requests }) => requests)).toEqual([40])
  },
}

/** Those that give nothing where no command can be isolated. */
const needSandbox: ReadonlySet<string> = new Set(['workspace', 'sandbox', 'sprint', 'concurrent'])

it('has a test for each benchmark that there is', () => {
  expect(Object.keys(shows).toSorted()).toEqual(Object.keys(benchmarks).toSorted())
})

for (const [name, show] of Object.entries(shows)) {
  it(`${name} runs, compares what both sides give, and counts what it does`, ({ skip }) => {
    const rows = rowsOf(name)
    skip(needSandbox.has(name) && !testSandbox().isolates, 'no command can be isolated here')
    expect(rows).not.toEqual([])
    for (const row of rows) {
      expect(row.compared, row.name).toBeGreaterThan(0)
      expect(row.verdict.value, row.name).toBeTypeOf('number')
    }
    show(rows)
  })
}
