import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { createSandbox } from '../../src/adapters/sandbox/select.ts'
import { SandboxUnavailableError } from '../../src/domain/errors.ts'
import { createFixture, emptyWorkspace, processesMarked, reasonToSkip, searchPath } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const noEngine = 'unix:///nowhere/docker.sock'

describe('choosing a driver', () => {
  it('is unavailable, with the remedy, when bubblewrap is not installed, and runs nothing', async () => {
    await using fixture = await createFixture({
      driver: 'auto',
      bubblewrap: '/nowhere/bwrap',
      docker: { host: noEngine },
    })
    const availability = await fixture.sandbox.availability()
    expect(availability).toMatchObject({ available: false, driver: 'bubblewrap' })
    expect(JSON.stringify(availability)).toContain('apt-get install -y bubblewrap')
    const running = fixture.run(['touch', 'x'])
    await expect(running).rejects.toThrow(SandboxUnavailableError)
    await expect(running).rejects.toThrow(/apt-get install -y bubblewrap/)
  })

  it('is unavailable, with the reason, when bubblewrap cannot make namespaces', async () => {
    await using fixture = await createFixture()
    const broken = join(fixture.privateDirectory, 'bwrap')
    await writeFile(broken, '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n')
    await chmod(broken, 0o755)
    await chmod(fixture.privateDirectory, 0o755)
    const sandbox = await createSandbox({
      driver: 'bubblewrap',
      searchPath,
      bubblewrap: broken,
      scratch: fixture.scratch,
    })
    const availability = await sandbox.availability()
    expect(availability).toMatchObject({ available: false, driver: 'bubblewrap' })
    expect(JSON.stringify(availability)).toMatch(/No permissions to create new namespace.*SANDBOX=docker/)
    const command = { argv: ['true'], workspace: emptyWorkspace, limits: defaultLimits.quick }
    await expect(sandbox.run(command)).rejects.toThrow(SandboxUnavailableError)
  })

  it.skipIf(skipReason !== null)(`says how it isolates${skipReason ? ` (skipped: ${skipReason})` : ''}`, async () => {
    await using fixture = await createFixture({ driver: 'auto' })
    const availability = await fixture.sandbox.availability()
    expect(availability).toMatchObject({ available: true, driver: 'bubblewrap' })
    expect(JSON.stringify(availability)).toMatch(/memory (limited by cgroup|watched).*workspaces (overlaid|copied)/)
  })

  it.skipIf(skipReason !== null)('shows further toolchains, and never what is hidden or above it', async () => {
    await using place = await createFixture()
    const tool = join(place.privateDirectory, 'chain')
    await mkdir(join(tool, 'bin'), { recursive: true })
    await writeFile(join(tool, 'bin', 'own-tool'), '#!/bin/sh\necho it runs\n', { mode: 0o755 })
    await using shown = await createFixture({ toolchains: [tool] })
    expect(await shown.run(['own-tool'])).toMatchObject({ stdout: 'it runs\n', exitCode: 0 })
    await using hidden = await createFixture({ toolchains: [tool], hidden: [join(tool, 'data')] })
    expect((await hidden.run(['own-tool'])).exitCode).toBe(127)
  })
})

describe('what the machine must not show', () => {
  it('is refused as a data directory below what every command can read', async () => {
    await using fixture = await createFixture({ hidden: ['/usr/local/countersign'] })
    expect(await fixture.sandbox.availability()).toMatchObject({ available: false })
    await expect(fixture.run(['true'])).rejects.toThrow(SandboxUnavailableError)
  })

  it.skipIf(skipReason !== null)('and a toolchain that is not there are said before anything runs', async () => {
    await using fixture = await createFixture({ toolchains: ['/nowhere'] })
    await expect(fixture.run(['true'])).rejects.toThrow(/no toolchain at \/nowhere/)
  })
})

describe('the driver without isolation', () => {
  it('marks its results and keeps the rest of the contract', async () => {
    await using fixture = await createFixture({ driver: 'none' })
    expect(await fixture.sandbox.availability()).toMatchObject({ available: true, driver: 'none' })
    const answer = await fixture.python('import os, sys; print(sys.stdin.read(), os.getcwd()); sys.exit(3)', {
      stdin: 'in',
    })
    expect(answer).toMatchObject({
      driver: 'none',
      exitCode: 3,
      stdout: expect.stringMatching(/^in .*\/scratch\/ws-.*\/workspace\n$/),
    })
    const hog = await fixture.python('import time; kept = b"x" * (300 << 20); time.sleep(600)', {
      limits: { ...defaultLimits.standard, memoryBytes: 200 << 20 },
    })
    expect(hog).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: false })
    expect(await fixture.run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    await expect(fixture.run(['no-such-program'])).resolves.toMatchObject({ exitCode: 127 })
  })

  it('gives the command none of the server’s variables', async () => {
    await using fixture = await createFixture({ driver: 'none' })
    const listed = await fixture.run(['env'], { environment: { OWN: 'yes' } })
    const names = listed.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
    expect(names.toSorted()).toEqual(['COUNTERSIGN_RUN', 'HOME', 'LANG', 'OWN', 'PATH'])
  })

  it('ends detached processes at the wall time and when the command ends', async () => {
    await using fixture = await createFixture({ driver: 'none' })
    const marker = `marker-${randomBytes(8).toString('hex')}`
    const script = `(setsid sh -c 'sleep 600' ${marker} &) ; sleep "$1"`
    const limits = { ...defaultLimits.quick, wallMs: 500, graceMs: 300 }
    expect(await fixture.run(['sh', '-c', script, 'x', '600'], { limits })).toMatchObject({
      timedOut: true,
      exitCode: null,
    })
    expect(processesMarked(marker)).toEqual([])
    expect(await fixture.run(['sh', '-c', script, 'x', '0'])).toMatchObject({ timedOut: false, exitCode: 0 })
    expect(processesMarked(marker)).toEqual([])
  })
})
