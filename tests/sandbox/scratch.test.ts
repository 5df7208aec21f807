import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { sweepScratch, withScratch } from '../../src/adapters/sandbox/scratch.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

it('a scratch directory is used and gone, with the result handed on', async () => {
  await using place = await temporaryDirectory()
  const root = join(place.path, 'scratch')
  let seen = ''
  const result = await withScratch(root, async (directory) => {
    seen = directory
    await writeFile(join(directory, 'a'), 'content')
    return readFile(join(directory, 'a'), 'utf8')
  })
  expect(result).toBe('content')
  expect(existsSync(seen)).toBe(false)
  const fails = withScratch(root, () => Promise.reject(new Error('as asked')))
  await expect(fails).rejects.toThrow('as asked')
  expect(await readdir(root)).toEqual([])
})

it('what a dead server left is swept; what is in use and other names stay', async () => {
  await using place = await temporaryDirectory()
  const root = join(place.path, 'scratch')
  const dead = spawn('true')
  await once(dead, 'exit')
  await withScratch(root, async (own) => {
    const leftover = own.replace(`-${process.pid}-`, `-${dead.pid}-`)
    mkdirSync(leftover)
    await writeFile(join(leftover, 'a'), 'x')
    mkdirSync(join(root, 'something-else'))
    await symlink(place.path, own.replace(`-${process.pid}-`, `-${dead.pid}1-`))
    const foreign = own.replace(/ws-[0-9a-f]{8}-/, 'ws-00000000-')
    mkdirSync(foreign)
    expect(await sweepScratch(root)).toBe(1)
    expect([leftover, own, foreign, join(root, 'something-else')].map((path) => existsSync(path))).toEqual([
      false,
      true,
      true,
      true,
    ])
  })
})

// Its processes have numbers of their own, and it has this machine's name.
const container = ['unshare', '-Urpf', '--mount-proc']
const hasContainer = spawnSync('env', [...container, 'true']).status === 0

it.skipIf(!hasContainer)(
  'what is in use here stays when a container with the same host name starts on it',
  async () => {
    await using place = await temporaryDirectory()
    const root = join(place.path, 'scratch')
    const module = new URL('../../src/adapters/sandbox/scratch.ts', import.meta.url).href
    const sweep = `const { sweepScratch } = await import('${module}'); console.log(await sweepScratch('${root}'))`
    await withScratch(root, async (own) => {
      const node = [process.execPath, '--input-type=module', '-e', sweep]
      const { stdout } = await promisify(execFile)('env', [...container, ...node])
      expect(stdout).toBe('0\n')
      expect(existsSync(own)).toBe(true)
    })
  },
)
