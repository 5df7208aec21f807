import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import { createSandbox } from '../../src/adapters/sandbox/select.ts'
import { sweepWorkspaces, withWorkspace } from '../../src/adapters/sandbox/workspace.ts'
import { reasonToSkip, searchPath } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()

describe('a workspace', () => {
  let place = ''
  let root = ''
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'countersign-test-'))
    root = join(place, 'workspaces')
  })
  afterEach(() => removeTree(place))

  it('is filled, used and gone, with the result handed on', async () => {
    let seen = ''
    const result = await withWorkspace(
      root,
      (directory) => writeFile(join(directory, 'a'), 'content'),
      async (directory) => {
        seen = directory
        return readFile(join(directory, 'a'), 'utf8')
      },
    )
    expect(result).toBe('content')
    expect(existsSync(seen)).toBe(false)
    expect(await readdir(root)).toEqual([])
  })

  it('is gone when filling or using it fails, and the error is the first one', async () => {
    const fail = () => Promise.reject(new Error('as asked'))
    await expect(withWorkspace(root, fail, async () => {})).rejects.toThrow('as asked')
    await expect(withWorkspace(root, async () => {}, fail)).rejects.toThrow('as asked')
    expect(await readdir(root)).toEqual([])
  })

  it.skipIf(skipReason !== null)(
    `is written by a sandboxed command that cannot see the server’s directories above${skipReason ? ` (skipped: ${skipReason})` : ''}`,
    async () => {
      const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath })
      chmodSync(place, 0o700)
      await withWorkspace(
        root,
        async (directory) => {
          await mkdir(join(directory, 'sub'), { mode: 0o700 })
          await writeFile(join(directory, 'sub', 'a'), 'before', { mode: 0o600 })
        },
        async (workspace) => {
          const script = 'cat sub/a; echo after > sub/a; mkdir made; echo x > made/b; chmod 0 made sub'
          const result = await sandbox.run({ argv: ['sh', '-c', script], workspace, limits: defaultLimits.quick })
          expect(result).toMatchObject({ stdout: 'before', stderr: '', exitCode: 0 })
        },
      )
      expect(await readdir(root)).toEqual([])
    },
  )

  it.skipIf(skipReason !== null)('is removed with its traps, and no link is followed', async () => {
    const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath })
    await writeFile(join(place, 'kept'), 'still here')
    const traps = `
import os
os.symlink("../../kept", "to-file"); os.symlink("../..", "to-directory"); os.symlink("${place}", "absolute")
os.mkfifo("pipe")
open(b"\\xff\\xfe not utf-8", "w"); os.mkdir(b"\\xff directory"); open(b"\\xff directory/\\xfe", "w")
os.makedirs("locked/inner"); open("locked/inner/a", "w")
for _ in range(3000):
    os.mkdir("deep-directory"); os.chdir("deep-directory")
open("bottom", "w")
os.chmod("/workspace/locked/inner", 0); os.chmod("/workspace/locked", 0); os.chmod("/workspace", 0)`
    await withWorkspace(
      root,
      async () => {},
      async (workspace) => {
        const limits = defaultLimits.standard
        expect(await sandbox.run({ argv: ['python3', '-c', traps], workspace, limits })).toMatchObject({
          stderr: '',
          exitCode: 0,
        })
      },
    )
    expect(await readdir(root)).toEqual([])
    expect(await readFile(join(place, 'kept'), 'utf8')).toBe('still here')
  })

  it('that a dead server left is swept; those in use and other names stay', async () => {
    const dead = spawn('true')
    await once(dead, 'exit')
    await withWorkspace(
      root,
      async () => {},
      async (own) => {
        const leftover = own.replace(`-${process.pid}-`, `-${dead.pid}-`)
        mkdirSync(leftover)
        await writeFile(join(leftover, 'a'), 'x')
        mkdirSync(join(root, 'something-else'))
        await symlink(place, own.replace(`-${process.pid}-`, `-${dead.pid}1-`))
        const foreign = own.replace(/ws-[0-9a-f]{8}-/, 'ws-00000000-')
        mkdirSync(foreign)
        expect(await sweepWorkspaces(root)).toBe(1)
        expect(existsSync(leftover)).toBe(false)
        expect(existsSync(own)).toBe(true)
        expect(existsSync(foreign)).toBe(true)
        expect(existsSync(join(root, 'something-else'))).toBe(true)
      },
    )
  })
})
