import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { proposeTestCases } from '../../src/domain/testing/propose-test-cases.ts'
import { simpleWords } from '../../src/domain/testing/runners/simple-words.ts'
import { branchHas, keepHunks, numbered, patchOf, rebase, revert } from '../factories/diff-commands.ts'
import { commit, proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { endedRun, endedTestRun, testCase, testDiff } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()

const proposals = (files: Readonly<Record<string, string>>) =>
  proposeTestCases({ paths: Object.keys(files).sort(), read: async (path) => files[path] ?? null })

const commands = async (files: Readonly<Record<string, string>>) =>
  (await proposals(files)).map(({ command }) => command.join(' '))

const unit = 'import unittest\n'
const packageFile = (description: object) => JSON.stringify(description)

describe('a tree proposes', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['nothing without tests', { 'a.py': '', 'b.js': '', 'package.json': '{"name":"x"}' }, []],
    [
      'nothing for what is installed',
      { 'node_modules/x/a.test.js': "import 'node:test'", '.venv/lib/test_a.py': unit },
      [],
    ],
    ['nothing for a package.json that is none', { 'package.json': '{' }, []],
    [
      "nothing for npm's own placeholder",
      { 'package.json': packageFile({ scripts: { test: 'echo "Error: no test specified" && exit 1' } }) },
      [],
    ],
    [
      'pytest for its settings',
      { 'pyproject.toml': '[tool.pytest.ini_options]\n', 'tests/test_a.py': unit },
      ['python3 -m pytest'],
    ],
    ['pytest for its hooks', { 'tests/conftest.py': '', 'tests/test_a.py': unit }, ['python3 -m pytest']],
    ['pytest for an import', { 'tests/test_a.py': 'from pytest import raises\n' }, ['python3 -m pytest']],
    ['pytest for bare functions', { 'a_test.py': 'def test_a(): pass\n' }, ['python3 -m pytest']],
    ['unittest', { 'tests/__init__.py': '', 'tests/test_a.py': unit }, ['python3 -m unittest discover -v']],
    [
      'unittest from where it finds them',
      { 'tests/test_a.py': unit, 'lib/x/__init__.py': '', 'lib/x/test_b.py': unit },
      [
        'python3 -m unittest discover -v --start-directory=lib',
        'python3 -m unittest discover -v --start-directory=tests',
      ],
    ],
    ['the test script', { 'package.json': packageFile({ scripts: { test: 'tsc && jest' } }) }, ['npm test']],
    [
      "node's runner by its own command",
      { 'package.json': packageFile({ scripts: { test: 'node --test "tests/*.js"' } }) },
      ['node --test tests/*.js'],
    ],
    [
      "node's runner through npm where a shell is needed",
      { 'package.json': packageFile({ scripts: { test: 'node --test && true' } }) },
      ['npm test'],
    ],
    ['vitest', { 'package.json': packageFile({ devDependencies: { vitest: '5' } }) }, ['npx vitest run']],
    ["node's runner for an import", { 'a.test.ts': "import { test } from 'node:test'" }, ['node --test']],
    [
      'for both languages',
      { 'a.test.mjs': "import 'node:test'", 'test_a.py': unit },
      ['python3 -m unittest discover -v', 'node --test'],
    ],
  ])('%s', async (_, files, expected) => {
    expect(await commands(files)).toEqual(expected)
  })

  it('and says why', async () => {
    expect(await proposals({ 'tests/test_a.py': 'import pytest\n' })).toMatchObject([
      { name: 'pytest', reason: 'tests/test_a.py imports pytest' },
    ])
  })
})

it.each<[string, readonly string[] | null]>([
  ['node --test', ['node', '--test']],
  [` node  --test 'a b.js' "c"`, ['node', '--test', 'a b.js', 'c']],
  ['A=1 node', null],
  ['node $X', null],
  ['node a&&b', null],
  [`node 'a`, null],
  [`node a'b'`, null],
  ['', null],
])('the words of %j', (text, words) => {
  expect(simpleWords(text)).toEqual(words)
})

describe('a project', () => {
  let server: TestServer
  beforeAll(async () => {
    // The Node that runs the tests is the one that strips types.
    server = await startTestServer({
      rehearsal: false,
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const proposedOf = async (id: string) =>
    (
      await server.query(
        'query ($id: ID!) { node(id: $id) { ... on Project { proposedTestCases { name command reason } } } }',
        { id },
      )
    ).node.proposedTestCases

  it('proposes the test cases that it does not have', async () => {
    const id = await readyProject(server, { source: { template: 'todo-typescript' } })
    const [only, ...others] = await proposedOf(id)
    expect(only).toEqual({
      name: 'node --test',
      command: ['node', '--test', 'tests/*.test.ts'],
      reason: 'package.json has the test script "node --test tests/*.test.ts"',
    })
    expect(others).toEqual([])
    expect((await testCase(server, id, { name: only.name, command: only.command })).__typename).toBe('TestCase')
    expect(await proposedOf(id)).toEqual([])
    expect(await proposedOf(await readyProject(server))).toEqual([])
  })

  it.skipIf(skipReason !== null)(
    `without a test case runs those that a diff's result brings when it is asked to, and again on what takes its place${skipReason ? ` (skipped: ${skipReason})` : ''}`,
    async () => {
      const id = await readyProject(server, { policy: { requiredApprovals: 0 } })
      const test = `${unit}class T(unittest.TestCase):\n    def test_it(self):\n        self.fail('always')\n`
      await branchHas(server, id, { 'test_it.py': test, 'a.txt': numbered(40) })
      const changed = numbered(40, { 5: 'five', 35: 'thirty-five' })
      const propose = async () => proposed(server, id, { content: await patchOf(server, id, { 'a.txt': changed }) })
      // What was never tested is not tested on the quiet.
      expect(await keepHunks(server, (await propose()).id, [0])).toMatchObject({ latestTestRun: null })
      const old = await propose()
      const run = await endedRun(server, (await testDiff(server, old.id)).id)
      expect(run).toMatchObject({ status: 'FAILED', results: [{ name: 'unittest', status: 'FAILED' }] })
      const again = await testDiff(server, old.id, { force: true })
      expect(again).toMatchObject({ __typename: 'TestRun', total: 1 })
      expect(again.id).not.toBe(run.id)
      const kept = await keepHunks(server, old.id, [0])
      expect(kept).toMatchObject({ __typename: 'Diff', latestTestRun: { total: 1 } })
      await endedTestRun(server, kept.id)
      await branchHas(server, id, { 'b.txt': 'later\n' })
      const fresh = await rebase(server, kept.id)
      expect(fresh).toMatchObject({ __typename: 'Diff', latestTestRun: { total: 1 } })
      expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
      expect(await revert(server, fresh.id)).toMatchObject({ __typename: 'Diff', latestTestRun: { total: 1 } })
    },
  )

  it.skipIf(skipReason !== null)(
    `has no test in a file that has none, though its runner counts the file${skipReason ? ` (skipped: ${skipReason})` : ''}`,
    async () => {
      const content = addsFile('a.test.mjs', ["import 'node:test'"])
      const diff = await proposed(server, await readyProject(server), { content })
      const run = await endedRun(server, (await testDiff(server, diff.id)).id)
      expect(run).toMatchObject({
        status: 'FAILED',
        results: [{ name: 'node --test', error: expect.stringMatching(/^No test was run/) }],
      })
    },
  )

  it.skipIf(skipReason !== null)(
    `of the template todo-typescript is green, with its one mark for what is to be done${skipReason ? ` (skipped: ${skipReason})` : ''}`,
    async () => {
      const id = await readyProject(server, { source: { template: 'todo-typescript' } })
      const diff = await proposed(server, id, { content: addsFile('note.txt', ['A note.']) })
      const run = await endedRun(server, (await testDiff(server, diff.id)).id)
      expect(run).toMatchObject({ status: 'PASSED', total: 3, passed: 3 })
      expect(run.results.map(({ stdout }) => /todo (\d+)/.exec(stdout)?.[1])).toEqual(['1', '0', '0'])
    },
  )
})
