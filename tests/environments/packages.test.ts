import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtEnvironment, committed, setEnvironment } from '../factories/environments.ts'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { endedTestRun, testCase } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const run = promisify(execFile)

/** Why npm cannot get the package here, or null: the machine's own settings say from where. */
const withoutNpm = async (): Promise<string | null> =>
  run('npm', ['view', 'is-number@7.0.0', 'version'], { timeout: 20_000 }).then(
    () => null,
    (error: Error) => `npm cannot get a package: ${error.message.slice(0, 200)}`,
  )

/** Why packages of Debian cannot be installed here, or null. */
const withoutDebian = async (): Promise<string | null> => {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return 'that needs apt-get, and root'
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(SITE)'])
  const [site] = stdout.split('\n')
  if (!site) return 'apt-get has no sources'
  return fetch(site, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).then(
    () => null,
    (error: Error) => `the machine's package source cannot be reached: ${error.message}`,
  )
}

const noIsolation = await reasonToSkip()
const noNpm = noIsolation ?? (await withoutNpm())
const noDebian = noIsolation ?? (await withoutDebian())
const noted = (reason: string | null) => (reason === null ? '' : ` (skipped: ${reason})`)

describe('packages from their registries', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer({ rehearsal: false })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  it.skipIf(noNpm)(
    `an npm dependency is installed once, and tests import it without network${noted(noNpm)}`,
    async () => {
      const projectId = await readyProject(server)
      const manifest = { name: 'a-project', version: '1.0.0', type: 'module', dependencies: { 'is-number': '7.0.0' } }
      await committed(server, projectId, addsFile('package.json', [JSON.stringify(manifest)]))
      await setEnvironment(server, projectId, {
        setupCommands: [['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund']],
        keyFiles: ['package.json', 'package-lock.json'],
      })
      await testCase(server, projectId, { name: 'imports it', command: ['node', '--test', 'a.test.js'] })
      await testCase(server, projectId, {
        name: 'has no network',
        command: ['node', '-e', "fetch('https://example.com').then(() => process.exit(1), () => console.log('none'))"],
      })
      const test = [
        "import isNumber from 'is-number'",
        "import { ok } from 'node:assert'",
        "import { it } from 'node:test'",
        "it('knows a number', () => ok(isNumber(5)))",
      ]
      const diff = await proposed(server, projectId, { content: addsFile('a.test.js', test) })
      const { status, results } = await endedTestRun(server, diff.id)
      expect((await builtEnvironment(server, projectId)).log).toMatch(/added 1 package/)
      expect([status, results.map((result) => result.status)]).toEqual(['PASSED', ['PASSED', 'PASSED']])
    },
  )

  it.skipIf(noDebian)(
    `a Python package of Debian is installed beside the machine's own${noted(noDebian)}`,
    async () => {
      const projectId = await readyProject(server)
      const program = 'import roman; print(roman.toRoman(2026))'
      await testCase(server, projectId, { name: 'roman', command: ['/usr/bin/python3', '-c', program] })
      const diff = await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
      expect(await endedTestRun(server, diff.id)).toMatchObject({ status: 'FAILED' })
      const packages = ['apt-get', 'install', '-y', '--no-install-recommends', 'python3-roman']
      // The machine's own lists may be too old or not there at all.
      const update = `${packages.join(' ')} || { apt-get update && ${packages.join(' ')}; }`
      await setEnvironment(server, projectId, { setupCommands: [['sh', '-c', update]] })
      const again = await proposed(server, projectId, { content: addsFile('b.txt', ['b']) })
      expect(await endedTestRun(server, again.id)).toMatchObject({
        status: 'PASSED',
        results: [{ stdout: 'MMXXVI\n' }],
      })
      expect((await builtEnvironment(server, projectId)).log).toMatch(/Setting up python3-roman/)
      expect(existsSync('/usr/lib/python3/dist-packages/roman.py')).toBe(false)
    },
  )
})
