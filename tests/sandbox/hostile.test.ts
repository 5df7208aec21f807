import { randomBytes } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import type { SandboxResult } from '../../src/domain/ports/sandbox.ts'
import { type Canary, processesWith, setCanary } from './canary.ts'
import { freshWorkspace } from './conformance/driver.ts'
import { type HostileProgram, hostilePrograms } from './hostile-programs.ts'
import { createFixture, type Fixture, reasonToSkip } from './sandbox-fixture.ts'

const MIB = 1024 * 1024
const GRACE_MS = 2_000
const programs = join(import.meta.dirname, 'programs')
const interpreters: Readonly<Record<string, string>> = { '.py': 'python3', '.sh': 'sh', '.mjs': 'node' }
/** Tight, so that each is met soon; the output is long, so that no secret hides in what is left out. */
const limits = {
  ...defaultLimits.standard,
  wallMs: 4_000,
  memoryBytes: 256 * MIB,
  processes: 64,
  fileBytes: 64 * MIB,
  outputBytes: 8 * MIB,
}

function expectEnding(result: SandboxResult, { ends }: HostileProgram): void {
  if (ends === 'wall time') expect(result).toMatchObject({ timedOut: true, exitCode: null, signal: 'SIGKILL' })
  else if (ends === 'SIGKILL') expect(result).toMatchObject({ timedOut: false, exitCode: null, signal: 'SIGKILL' })
  else if (ends !== 'any') expect(result).toMatchObject({ timedOut: false, exitCode: ends })
}

for (const driver of ['bubblewrap', 'docker'] as const) {
  const skipReason = await reasonToSkip(driver)
  const note = skipReason === null ? '' : ` (skipped: ${skipReason})`

  describe.skipIf(skipReason !== null)(`hostile programs in ${driver}${note}`, () => {
    let fixture: Fixture
    let canary: Canary
    beforeAll(async () => {
      fixture = await createFixture({ driver })
      canary = await setCanary(fixture.privateDirectory)
    })
    afterAll(async () => {
      await canary[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    })

    for (const [what, group] of Object.entries(hostilePrograms)) {
      describe(what, () => {
        it.for(group.filter(({ onlyOn }) => onlyOn === undefined || onlyOn === process.arch))(
          '$file, twice',
          async (program) => {
            for (let time = 0; time < 2; time++) {
              const mark = `hostile-${randomBytes(8).toString('hex')}`
              const workspace = await freshWorkspace(fixture)
              for (const file of ['attempt.py', program.file]) {
                await copyFile(join(programs, file), join(workspace, file))
              }
              const result = await fixture.run([interpreters[extname(program.file)] ?? '', program.file], {
                workspace,
                limits,
                environment: { ...canary.environment, HOSTILE_MARK: mark, PYTHONDONTWRITEBYTECODE: '1' },
              })
              expect(processesWith(mark)).toEqual([])
              expect(
                `${result.stdout}\n${result.stderr}`.split('\n').filter((line) => line.includes('BREAKOUT')),
              ).toEqual([])
              expect(result.stdout).toContain('started')
              expectEnding(result, program)
              expect(result.durationMs).toBeLessThan(limits.wallMs + GRACE_MS)
              expect(result.stdout + result.stderr).not.toContain(canary.secret)
              expect(result.stdout + result.stderr).not.toContain('\0')
              expect((result.stdout + result.stderr).isWellFormed()).toBe(true)
              await removeTree(workspace)
              expect(await canary.faults()).toEqual([])
            }
          },
        )
      })
    }
  })
}

// The programs do what they say: where nothing holds them, they are seen to break out.
it('hostile programs reach the host, and are seen to, where there is no isolation', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  await using canary = await setCanary(fixture.privateDirectory)
  for (const file of ['host-files.py', 'host-loopback.py', 'host-sockets.py']) {
    for (const name of ['attempt.py', file]) await copyFile(join(programs, name), join(fixture.workspace, name))
    const { stdout } = await fixture.run(['python3', file], { limits, environment: canary.environment })
    expect(stdout).toMatch(/^BREAKOUT /m)
    expect(stdout).toContain(canary.secret)
  }
  expect(await canary.faults()).toContainEqual(expect.stringContaining('was reached'))
})
