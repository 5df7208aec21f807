import { createHash, randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statfsSync } from 'node:fs'
import { extname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import type { SandboxCommand, SandboxResult } from '../../src/domain/ports/sandbox.ts'
import { type Canary, processesWith, setCanary } from './canary.ts'
import { type HostileProgram, hostilePrograms } from './hostile-programs.ts'
import { createFixture, type Fixture, processAppears, reasonToSkip } from './sandbox-fixture.ts'

const MIB = 1024 * 1024
/** Beside the wall time and the grace, for what starts and ends on a busy machine. */
const SPARE_MS = 2_000
const programs = join(import.meta.dirname, 'programs')
const interpreters: Readonly<Record<string, string>> = { '.py': 'python3', '.sh': 'sh', '.mjs': 'node' }
/** Tight, so that each is met soon; the output is long, so that no secret hides in what is left out. */
const limits = {
  ...defaultLimits.standard,
  wallMs: 30_000,
  graceMs: 300,
  memoryBytes: 256 * MIB,
  processes: 64,
  fileBytes: 64 * MIB,
  workspaceBytes: 128 * MIB,
  workspaceFiles: 4_000,
  temporaryBytes: 64 * MIB,
  outputBytes: 8 * MIB,
}
/** For programs that would never end, and for those that may not: how long they try makes no difference. */
const shortWallMs = 2_000
const mayEndMs = 4_000
const wallMsOf = ({ ends }: HostileProgram) =>
  ends === 'wall time' ? shortWallMs : ends === 'any' ? mayEndMs : limits.wallMs

const words = (result: SandboxResult) => `${result.stdout}\n${result.stderr}`

/** Every program lies in it, so that each run finds them all, and may change them all. */
const sources: Readonly<Record<string, string>> = {
  ...Object.fromEntries(readdirSync(programs).map((name) => [name, readFileSync(join(programs, name), 'utf8')])),
  'tests/deep/er/file.txt': 'a file below directories\n',
  link: '->tests/deep',
}

function expectEnding(result: SandboxResult, { ends }: HostileProgram): void {
  const bySignal = expect.stringMatching(/^SIG(TERM|KILL)$/)
  if (ends === 'wall time') expect(result).toMatchObject({ timedOut: true, exitCode: null, signal: bySignal })
  else if (ends === 'SIGKILL') expect(result).toMatchObject({ timedOut: false, exitCode: null, signal: 'SIGKILL' })
  else if (ends !== 'any') expect(result).toMatchObject({ timedOut: false, exitCode: ends })
}

/** Everything below a directory: names, kinds, modes, owners, times and contents. */
function stateOf(directory: string): string {
  const hash = createHash('sha256')
  for (const name of ['.', ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()]) {
    const path = join(directory, name)
    const status = lstatSync(path)
    hash.update(`${name} ${status.mode} ${status.uid} ${status.mtimeMs} ${status.nlink}\n`)
    if (status.isSymbolicLink()) hash.update(readlinkSync(path))
    else if (status.isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

for (const driver of ['bubblewrap', 'docker'] as const) {
  const skipReason = await reasonToSkip(driver)
  const note = skipReason === null ? '' : ` (skipped: ${skipReason})`

  describe.skipIf(skipReason !== null)(`hostile programs in ${driver}${note}`, () => {
    let fixture: Fixture
    let canary: Canary
    let base: string
    let untouched: string
    beforeAll(async () => {
      fixture = await createFixture({ driver })
      canary = await setCanary(fixture.privateDirectory)
      base = await fixture.base(sources)
      untouched = stateOf(base)
    })
    afterAll(async () => {
      await canary[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    })

    const run = (file: string, more: Partial<SandboxCommand> = {}) =>
      fixture.run([interpreters[extname(file)] ?? '', file], {
        workspace: { base, changes: [] },
        limits,
        ...more,
        environment: { ...canary.environment, PYTHONDONTWRITEBYTECODE: '1', ...more.environment },
      })

    const expectHeld = async (result: SandboxResult) => {
      expect(
        words(result)
          .split('\n')
          .filter((line) => line.includes('BREAKOUT')),
      ).toEqual([])
      expect(result.stdout).toContain('started')
      expect(words(result)).not.toContain(canary.secret)
      expect(words(result)).not.toContain('\0')
      expect(words(result).isWellFormed()).toBe(true)
      expect(stateOf(base)).toBe(untouched)
      expect(await canary.faults()).toEqual([])
    }

    for (const [what, group] of Object.entries(hostilePrograms)) {
      describe(what, () => {
        it.for(group.filter(({ onlyOn }) => onlyOn === undefined || onlyOn === process.arch))(
          '$file, twice',
          async (program) => {
            const wallMs = wallMsOf(program)
            // Beside each other: neither may meet the other one's, and the second one's base is the first one's.
            const marks = [1, 2].map((time) => `hostile-${time}-${randomBytes(8).toString('hex')}`)
            const results = await Promise.all(
              marks.map(async (mark) => {
                const result = await run(program.file, {
                  limits: { ...limits, wallMs },
                  environment: { HOSTILE_MARK: mark },
                })
                expect(processesWith(mark)).toEqual([])
                return result
              }),
            )
            for (const result of results) {
              await expectHeld(result)
              expectEnding(result, program)
              if (what === 'that take memory' && program.ends === 'SIGKILL') expect(result.outOfMemory).toBe(true)
              expect(result.durationMs).toBeLessThan(wallMs + limits.graceMs + SPARE_MS)
            }
          },
        )
      })
    }

    it('a run that rewrites, moves, empties and deletes its base leaves the next one a clean one', async () => {
      const found = []
      for (let time = 0; time < 2; time++) {
        const result = await run('rewrite-base.py')
        await expectHeld(result)
        expect(result.exitCode, words(result)).toBe(0)
        found.push(/^found ([0-9a-f]{64})$/m.exec(result.stdout)?.[1])
      }
      expect(found[0]).toBeDefined()
      expect(found[1]).toBe(found[0])
    })

    it('a run that fills all it can write to leaves the host’s disk as it was', async () => {
      const freeMiB = () => {
        const { bavail, bsize } = statfsSync(fixture.privateDirectory)
        return (bavail * bsize) / MIB
      }
      const before = freeMiB()
      // With memory to spare, so that it is the bounds of the places that are met.
      const result = await run('fill-disk.py', { limits: { ...limits, memoryBytes: 1024 * MIB } })
      await expectHeld(result)
      expect(result.exitCode, words(result)).toBe(0)
      expect(result.stdout).toMatch(/refused after \. \d+/)
      expect(before - freeMiB()).toBeLessThan(100)
      expect(existsSync(fixture.scratch) ? readdirSync(fixture.scratch) : []).toEqual([])
    })

    it('two runs beside each other share no file, memory, message, socket or process', async () => {
      const mark = `hostile-${randomBytes(8).toString('hex')}`
      const stop = new AbortController()
      const leaving = run('leave-behind.py', {
        limits: { ...limits, wallMs: 30_000 },
        environment: { HOSTILE_SECRET: `left-${mark}`, HOSTILE_MARK: mark },
        signal: stop.signal,
      })
      await processAppears(`left-${mark}`)
      const finding = await run('find-behind.py')
      stop.abort()
      const left = await leaving
      expect(left).toMatchObject({ canceled: true })
      await expectHeld(finding)
      expect(finding.exitCode, words(finding)).toBe(0)
      expect(words(finding)).not.toContain(mark)
      expect(processesWith(mark)).toEqual([])
    })
  })
}

// The programs do what they say: where nothing holds them, they are seen to break out.
it('hostile programs reach the host, and are seen to, where there is no isolation', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  await using canary = await setCanary(fixture.privateDirectory)
  const base = await fixture.base(sources)
  for (const file of ['host-files.py', 'host-loopback.py', 'host-sockets.py']) {
    const { stdout } = await fixture.run(['python3', file], {
      workspace: { base, changes: [] },
      limits: { ...limits, wallMs: shortWallMs },
      environment: canary.environment,
    })
    expect(stdout).toMatch(/^BREAKOUT /m)
    expect(stdout).toContain(canary.secret)
  }
  expect(await canary.faults()).toContainEqual(expect.stringContaining('was reached'))
})
