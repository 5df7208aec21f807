import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { setUpLimits } from '../../src/domain/environment/environment-settings.ts'
import { createFixture, type Fixture, processesMarked } from './sandbox-fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await createFixture({ driver: 'none' })
})
afterAll(() => fixture[Symbol.asyncDispose]())

const setUp = async (name: string, command: string, limits = setUpLimits) => {
  const layer = join(fixture.privateDirectory, 'layers', name)
  const result = await fixture.sandbox.setUp({
    layer,
    commands: [['sh', '-c', command]],
    keyFiles: [{ path: 'lock.txt', content: 'locked' }],
    limits,
    signal: new AbortController().signal,
    onLog: () => {},
  })
  return { layer, ...result }
}

it('without isolation, set-up keeps the workspace alone, and its log says what that means', async () => {
  const { failure, log, layer } = await setUp(
    'made',
    'cat lock.txt; mkdir modules; echo word > modules/word; echo "$HOME"',
  )
  expect(failure).toBeNull()
  expect(log).toMatch(/^\[no isolation: .*\]\n[\s\S]*locked/)
  // Of the server's environment nothing, its home neither.
  expect(log).not.toContain(`\n${process.env.HOME}\n`)
  for (const _ of [1, 2]) {
    const run = await fixture.run(['sh', '-c', 'ls; cat modules/word; echo other > modules/word'], { layer })
    expect(run.stdout).toBe('modules\nword\n')
  }
  await fixture.sandbox.removeLayer(layer)
  expect(await fixture.sandbox.hasLayer(layer)).toBe(false)
})

it('a command that fails or takes too long ends with all that it started, and leaves nothing', async () => {
  expect((await setUp('failed', 'exit 9')).failure).toContain('exit status 9')
  const late = await setUp('late', 'setsid sleep 619.75 & sleep 619.75', { ...setUpLimits, wallMs: 1_000 })
  expect(late.failure).toContain('may take 1 s')
  expect(processesMarked('619.75')).toEqual([])
  expect(readdirSync(join(fixture.privateDirectory, 'layers'))).toEqual([])
})
