import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setUpLimits } from '../../src/domain/environment/environment-settings.ts'
import { createFixture, type Fixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip('docker')
const never = new AbortController().signal
const shell = (script: string) => ['sh', '-c', script]

describe.skipIf(skipReason !== null)(`set-up in docker${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  let fixture: Fixture
  beforeAll(async () => {
    fixture = await createFixture({ driver: 'docker' })
  })
  afterAll(() => fixture?.[Symbol.asyncDispose]())

  const request = (name: string, commands: readonly (readonly string[])[]) => ({
    layer: join(fixture.privateDirectory, 'layers', name),
    commands,
    keyFiles: [{ path: 'lock.txt', content: 'locked' }],
    limits: setUpLimits,
    signal: never,
    onLog: () => {},
  })

  it('keeps what commands change of the system in an image, and of the workspace in the layer', async () => {
    const { sandbox } = fixture
    const made = request('made', [
      shell('cat lock.txt; echo "echo tool" > /usr/bin/setup-tool && chmod 755 /usr/bin/setup-tool; mkdir modules'),
      shell('setup-tool; echo word > modules/word'),
    ])
    expect(await sandbox.setUp(made)).toMatchObject({ failure: null, log: expect.stringContaining('locked') })
    expect(await sandbox.hasLayer(made.layer)).toBe(true)
    try {
      const script = 'setup-tool; cat modules/word; echo other > modules/word && cat modules/word; ls'
      for (const _ of [1, 2]) {
        const run = await fixture.run(shell(script), { layer: made.layer })
        expect(run.stdout).toBe('tool\nword\nother\nmodules\n')
      }
      expect((await fixture.run(['setup-tool'])).exitCode).not.toBe(0)
    } finally {
      await sandbox.removeLayer(made.layer)
    }
    expect([await sandbox.hasLayer(made.layer), existsSync(made.layer)]).toEqual([false, false])
  })

  it('leaves nothing of what failed or took too long', async () => {
    const { sandbox } = fixture
    const failed = request('failed', [shell('exit 5')])
    expect((await sandbox.setUp(failed)).failure).toContain('exit status 5')
    const late = { ...request('late', [shell('sleep 60')]), limits: { ...setUpLimits, wallMs: 1_000 } }
    expect((await sandbox.setUp(late)).failure).toContain('may take 1 s')
    for (const { layer } of [failed, late]) expect(await sandbox.hasLayer(layer)).toBe(false)
    expect(await readdir(join(fixture.privateDirectory, 'layers'))).toEqual([])
  })
})
