import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { splitObjection, supervised } from '../../src/domain/testing/runners/supervised.ts'

const run = promisify(execFile)
// Inside the installed packages: a project that has vitest.
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))
const bin = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url))

/** How a supervised vitest ends on these files, and what is objected to. */
const verdict = async (files: Readonly<Record<string, string>>, words: readonly string[] = []) => {
  await mkdir(cache, { recursive: true })
  const directory = await mkdtemp(join(cache, 'vitest-verdict-'))
  try {
    for (const [path, text] of Object.entries({ 'vitest.config.mjs': 'export default {}', ...files })) {
      await writeFile(join(directory, path), text)
    }
    const watched = supervised(['vitest', 'run', '--root', '.', ...words])
    const [program = '', ...args] = watched?.argv ?? []
    const ended = await run(program, args, {
      cwd: directory,
      env: { PATH: `${bin}:${process.env.PATH}`, HOME: directory },
    }).catch((error: { code: number; stderr: string }) => error)
    const code = 'code' in ended ? ended.code : 0
    return { code, objection: splitObjection(ended.stderr, watched?.mark ?? '').objection }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const imports = "import { describe, test } from 'vitest'\n"

it.each<[string, Record<string, string>, string[], number, RegExp | null]>([
  [
    'is green in every way there is',
    {
      'a.test.mjs': `${imports}test('a', () => {})\ntest.skip('s')\ntest.todo('t')\ndescribe('d', () => test.fails('f', () => { throw new Error() }))`,
    },
    [],
    0,
    null,
  ],
  [
    'with a reporter of its own is green',
    { 'a.test.mjs': `${imports}test('a', () => {})` },
    ['--reporter=dot'],
    0,
    null,
  ],
  ['that fails is not green', { 'a.test.mjs': `${imports}test('a', () => { throw new Error() })` }, [], 1, null],
  [
    'that leaves in a test is not green',
    { 'a.test.mjs': `${imports}test('a', () => process.reallyExit(0))\ntest('b', () => {})` },
    [],
    1,
    null,
  ],
  [
    'without tests is not green, even where that is allowed',
    {},
    ['--passWithNoTests'],
    1,
    /no test was collected|before it had reported/,
  ],
  [
    'that skips everything is not green',
    { 'a.test.mjs': `${imports}test.skip('a', () => { throw new Error() })` },
    [],
    1,
    /None of 1 tests passed/,
  ],
  [
    'that names no test is not green',
    {
      'vitest.config.mjs': 'export default { test: { testNamePattern: "nothing" } }',
      'a.test.mjs': `${imports}test('a', () => { throw new Error() })`,
    },
    [],
    1,
    /None of 1 tests passed/,
  ],
  [
    'whose settings turn the status round is not green',
    {
      'vitest.config.mjs': 'process.on("exit", () => { process.exitCode = 0 })\nexport default {}',
      'a.test.mjs': `${imports}test('a', () => { throw new Error() })`,
    },
    [],
    1,
    /1 of 1 tests failed, though/,
  ],
  [
    'that is left when its settings are torn down is not green',
    {
      'vitest.config.mjs': 'export default { test: { globalSetup: "./setup.mjs" } }',
      'setup.mjs': 'export const teardown = () => process.exit(0)\nexport const setup = () => {}',
      'a.test.mjs': `${imports}test('a', () => { throw new Error() })`,
    },
    [],
    1,
    /1 of 1 tests failed, though/,
  ],
  [
    'that sends its report elsewhere is judged by it all the same',
    {
      'vitest.config.mjs': 'export default { test: { reporters: ["dot"], outputFile: { json: "mine.json" } } }',
      'a.test.mjs': `${imports}test('a', () => {})`,
    },
    [],
    0,
    null,
  ],
  [
    'that is left by its settings is not green',
    { 'vitest.config.mjs': 'process.exit(0)', 'a.test.mjs': `${imports}test('a', () => {})` },
    [],
    1,
    /before it had reported all tests/,
  ],
  [
    'that plants a report is not green',
    {
      'vitest.config.mjs':
        "import { writeFileSync } from 'node:fs'\nwriteFileSync('report.json', JSON.stringify({ numTotalTests: 1, success: true, testResults: [] }))\nprocess.exit(0)",
    },
    [],
    1,
    /before it had reported all tests/,
  ],
])('a run of vitest %s', async (_, files, words, code, objection) => {
  const found = await verdict(files, words)
  expect(found.code).toBe(code)
  if (objection) expect(found.objection).toMatch(objection)
  else expect(found.objection).toBeNull()
})
