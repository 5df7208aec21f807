import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { type Commands, createProgram } from '../../src/cli/program.ts'

const parse = async (...argv: readonly string[]) => {
  const calls: unknown[] = []
  const written: string[] = []
  const record = (name: keyof Commands) => async (options: unknown) => {
    calls.push([name, options])
  }
  const commands: Commands = {
    start: record('start'),
    api: record('api'),
    worker: record('worker'),
    migrate: record('migrate'),
    demo: record('demo'),
    doctor: record('doctor'),
    health: record('health'),
    export: record('export'),
    fsck: record('fsck'),
    backup: record('backup'),
    restore: record('restore'),
    verify: record('verify'),
    review: record('review'),
    mcp: record('mcp'),
  }
  const write = (text: string) => written.push(text)
  const program = createProgram(commands, '1.2.3', { writeOut: write, writeErr: write })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return { calls, text: written.join(''), exitCode: null }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { calls, text: written.join(''), exitCode: error.exitCode }
  }
}

const loud = { json: false, quiet: false }

test.each(['start', 'api', 'migrate', 'health'])('%s takes --json and --quiet', async (name) => {
  expect((await parse(name)).calls).toEqual([[name, loud]])
  expect((await parse(name, '--json', '--quiet')).calls).toEqual([[name, { json: true, quiet: true }]])
})

test('demo asks unless it is told --yes', async () => {
  expect((await parse('demo')).calls).toEqual([['demo', { ...loud, scenario: 'sprint', yes: false }]])
  expect((await parse('demo', '--yes', '--json')).calls).toEqual([
    ['demo', { json: true, quiet: false, scenario: 'sprint', yes: true }],
  ])
  expect((await parse('demo', '--scenario', 'session')).calls).toEqual([
    ['demo', { ...loud, scenario: 'session', yes: false }],
  ])
})

test('export takes a version and a directory', async () => {
  expect((await parse('export', 'an-id', 'there', '--json')).calls).toEqual([
    ['export', { json: true, quiet: false, version: 'an-id', directory: 'there' }],
  ])
  expect((await parse('export', 'an-id')).text).toContain("missing required argument 'dir'")
})

test('a backup has its secrets unless told otherwise', async () => {
  expect((await parse('backup', 'there.tar.gz')).calls).toEqual([
    ['backup', { ...loud, path: 'there.tar.gz', withSecrets: true }],
  ])
  expect((await parse('backup', 'there', '--without-secrets', '--json')).calls).toEqual([
    ['backup', { json: true, quiet: false, path: 'there', withSecrets: false }],
  ])
  expect((await parse('restore', 'there', '--quiet')).calls).toEqual([
    ['restore', { json: false, quiet: true, path: 'there' }],
  ])
  expect((await parse('restore')).text).toContain("missing required argument 'path'")
})

test('doctor looks at this machine, or at a server that is named', async () => {
  expect((await parse('doctor')).calls).toEqual([['doctor', { ...loud, url: undefined, tokenFile: undefined }]])
  const url = 'https://countersign.example.com'
  expect((await parse('doctor', '--json', '--url', url, '--token-file', 'a')).calls).toEqual([
    ['doctor', { json: true, quiet: false, url, tokenFile: 'a' }],
  ])
})

test('mcp takes the server and the token as review does', async () => {
  const url = 'https://countersign.example.com'
  expect((await parse('mcp')).calls).toEqual([['mcp', { ...loud, url: undefined, tokenFile: undefined }]])
  expect((await parse('mcp', '--url', url, '--token-file', 'a-file')).calls).toEqual([
    ['mcp', { ...loud, url, tokenFile: 'a-file' }],
  ])
})

test('a worker takes all pools, or each one that is named, once', async () => {
  expect((await parse('worker')).calls).toEqual([['worker', { ...loud, pools: [], concurrency: undefined }]])
  const named = await parse('worker', '--pool', 'tests', '--pool', 'phases', '--pool', 'tests', '--concurrency', '3')
  expect(named.calls).toEqual([['worker', { ...loud, pools: ['tests', 'phases'], concurrency: 3 }]])
})

test.each([
  { argv: ['worker', '--pool', 'nothing'], says: 'planning, phases, candidates' },
  { argv: ['worker', '--concurrency', '0'], says: 'from 1 to 1000' },
  { argv: ['worker', '--concurrency', '2.5'], says: 'from 1 to 1000' },
  { argv: ['worker', '--concurrency', '1e2'], says: 'from 1 to 1000' },
  { argv: ['demo', '--scenario', 'other'], says: 'Allowed choices are sprint, session' },
  { argv: ['demo', '--no-such'], says: "unknown option '--no-such'" },
  { argv: ['doctor', 'extra'], says: 'too many arguments' },
  { argv: ['review', 'extra'], says: 'too many arguments' },
])('$argv is refused and says why', async ({ argv, says }) => {
  const { calls, text, exitCode } = await parse(...argv)
  expect(calls).toEqual([])
  expect(exitCode).not.toBe(0)
  expect(text).toContain(says)
})

test.each([[], ['demo'], ['worker'], ['review'], ['mcp']])('--help says what there is', async (...argv) => {
  const { exitCode, text } = await parse(...argv, '--help')
  expect(exitCode).toBe(0)
  expect(text).toContain('Usage: countersign')
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})
