import { existsSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { layeredSystem } from '../../src/adapters/sandbox/system-layer.ts'
import { createFixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const note = skipReason === null ? '' : ` (skipped: ${skipReason})`

it.skipIf(skipReason !== null)(`a layer lies over the machine’s own directories, read-only${note}`, async () => {
  await using fixture = await createFixture()
  const layer = await fixture.base({
    'system/usr/share/countersign-layer/word': 'from setup',
    'system/usr/bin/of-the-layer': '#!/bin/sh\necho ran',
    'system/opt/tool/word': 'in opt',
  })
  const script =
    'cat /usr/share/countersign-layer/word /opt/tool/word; test -x /usr/bin/env && echo; sh /usr/bin/of-the-layer; for p in /usr/x /usr/share/countersign-layer/word /opt/x; do echo x > $p; done 2>&1 | grep -c Read-only'
  const result = await fixture.run(['sh', '-c', script], { layer })
  expect(result).toMatchObject({ stdout: 'from setupin opt\nran\n3\n', stderr: '' })
  expect(existsSync('/usr/share/countersign-layer')).toBe(false)
  expect((await fixture.run(['cat', '/usr/share/countersign-layer/word'])).exitCode).toBe(1)
})

it('a link in the place of a layer’s directory is none of it', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  const layer = join(fixture.privateDirectory, 'layer')
  await mkdir(join(layer, 'system'), { recursive: true })
  await symlink('/root', join(layer, 'system', 'usr'))
  await writeFile(join(layer, 'system', 'opt'), 'no directory')
  expect(layeredSystem(layer, [])).toEqual([])
  expect(layeredSystem(null, [])).toEqual([])
})

it('where a hidden directory is below one of the machine’s, only the layer’s part of that is shown', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  const layer = await fixture.base({ 'system/opt/tool/word': 'in opt', 'system/usr/x': '' })
  const shown = layeredSystem(layer, ['/opt/countersign/data'])
  expect(shown.map(({ target, machine }) => [target, machine])).toEqual([
    ['/usr', '/usr'],
    ['/opt', null],
  ])
})
