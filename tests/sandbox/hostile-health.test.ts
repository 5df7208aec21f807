import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { expect, it } from 'vitest'
import { proposed } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { latestTestRun, testCase } from '../factories/testing.ts'
import { createTestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { testSandbox } from '../support/sandbox.ts'
import type { TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const programs = join(import.meta.dirname, 'programs')
const worst = ['spin.py', 'fork-bomb.py', 'flood.py', 'flood.py', 'exec-chain.sh', 'many-files.py', 'memory-tmpfs.py']
const interpreters: Readonly<Record<string, string>> = { '.py': 'python3', '.sh': 'sh' }
const ANSWER_MS = 500

const fileOf = (path: string) => ({ path, text: readFileSync(join(programs, path), 'utf8') })

// A time says something of the product only on a machine that does nothing else.
it.runIf(isLong && testSandbox().isolates)(
  `the health query answers within ${ANSWER_MS} ms while the same server runs hostile tests${testSandbox().note}`,
  { retry: 2 },
  async ({ skip }) => {
    await using database = await createTestDatabase()
    await using directory = await temporaryDirectory()
    await using server = await startServerProcess({
      DATABASE_URL: database.url,
      DATA_DIR: directory.path,
      SANDBOX_MEMORY_MIB: '256',
      SANDBOX_PROCESSES: '64',
    })
    const api = server as unknown as TestServer
    const health = async () => {
      const startedAt = performance.now()
      const answer = await server.query('{ health { status components { name status } } }')
      expect(answer.health.components.length).toBeGreaterThan(0)
      return performance.now() - startedAt
    }
    const projectId = await readyProject(api)
    for (const file of worst) {
      const command = [interpreters[extname(file)] ?? '', file]
      await testCase(api, projectId, { name: file, command, files: [fileOf('attempt.py'), fileOf(file)] })
    }
    await health()
    const before: number[] = []
    for (let count = 0; count < 20; count++) before.push(await health())
    const slowest = Math.max(...before)
    skip(slowest > ANSWER_MS / 2, `the machine is too busy to tell: ${Math.round(slowest)} ms without any hostile test`)
    // A diff is tested as soon as it is there.
    const { id } = await proposed(api, projectId, { content: addsFile('note.txt', ['A note.']) })
    const answers: number[] = []
    let run = await latestTestRun(api, id)
    for (; ['QUEUED', 'RUNNING'].includes(run.status); run = await latestTestRun(api, id)) {
      for (let count = 0; count < 5; count++) answers.push(await health())
    }
    expect(run.results.map(({ status }) => status)).not.toContain('ERRORED')
    expect(run.results.filter(({ status }) => status === 'TIMED_OUT').length).toBeGreaterThanOrEqual(4)
    expect(answers.length).toBeGreaterThan(20)
    expect(answers.filter((elapsedMs) => elapsedMs > ANSWER_MS)).toEqual([])
  },
)
