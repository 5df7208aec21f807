import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { defaultLimits } from '../../../src/adapters/sandbox/default-limits.ts'
import type { Fixture } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

const MIB = 1024 * 1024
const standard = defaultLimits.standard

/** Everything below the workspace: directories, links with their targets, and files with their text. */
const list = `
import json, os
seen = {}
for place, directories, files in os.walk("."):
    for name in directories + files:
        path = os.path.join(place, name)[2:]
        if os.path.islink(path): seen[path] = "->" + os.readlink(path)
        elif os.path.isdir(path): seen[path] = "/"
        else: seen[path] = open(path).read()
print(json.dumps(seen, sort_keys=True))`

/** What a command finds in its workspace, what it may do with it, and what of that remains. */
export function workspaceCases(driver: Driver, fixture: Fixture): void {
  const { python, run } = fixture

  it('has the base’s files with the changes laid over them', async () => {
    const base = await fixture.base({
      kept: 'kept',
      changed: 'before',
      removed: 'x',
      'whole/a': 'x',
      'whole/b/c': 'x',
      'again/old': 'x',
      'again/sub/old': 'x',
      file: 'becomes a directory',
      'directory/a': 'becomes a file',
      link: '->kept',
      out: `->${fixture.privateDirectory}`,
      'sub/link': '->../kept',
    })
    const changes = [
      { path: 'changed', content: 'after' },
      { path: 'removed', content: null },
      { path: 'whole', content: null },
      { path: 'again', content: null },
      { path: 'again/sub/new', content: Buffer.from('new') },
      { path: 'file/a', content: 'a' },
      { path: 'directory', content: 'a file' },
      { path: 'link', content: 'no link' },
      { path: 'out/outside', content: 'in the workspace' },
      { path: 'twice', content: 'first' },
      { path: 'twice', content: 'second' },
      { path: 'never/was', content: null },
      { path: 'brief', content: 'x' },
      { path: 'brief', content: null },
      { path: 'tool', content: '#!/bin/sh\necho it runs\n', isExecutable: true },
    ]
    const workspace = { base, changes }
    const before = await readdir(base)
    const seen = await python(list, { workspace })
    expect(JSON.parse(seen.stdout)).toEqual({
      kept: 'kept',
      changed: 'after',
      again: '/',
      'again/sub': '/',
      'again/sub/new': 'new',
      file: '/',
      'file/a': 'a',
      directory: 'a file',
      link: 'no link',
      out: '/',
      'out/outside': 'in the workspace',
      sub: '/',
      'sub/link': '->../kept',
      twice: 'second',
      tool: '#!/bin/sh\necho it runs\n',
    })
    expect(await run(['./tool'], { workspace })).toMatchObject({ stdout: 'it runs\n', exitCode: 0 })
    expect(existsSync(join(fixture.privateDirectory, 'outside'))).toBe(false)
    expect(await readdir(base)).toEqual(before)
    expect(leftIn(fixture.scratch)).toEqual([])
  })

  it('may be written everywhere, and nothing of it is there for the next run', async () => {
    const base = await fixture.base({ a: 'a', 'sub/b': 'b', 'sub/deep/c': 'c', gone: 'x' })
    const workspace = { base, changes: [{ path: 'sub/laid', content: 'laid over' }] }
    const write = `
import os
for path in ("a", "sub/b", "sub/laid", "sub/deep/c", "new", "sub/deep/new"): open(path, "a").write(" more")
os.chmod("a", 0o600); os.unlink("gone"); os.symlink("/etc/passwd", "link"); os.mkdir("made"); os.rename("a", "made/a")
os.remove("sub/b"); print(open("made/a").read(), open("sub/laid").read())`
    expect(await python(write, { workspace })).toMatchObject({ stdout: 'a more laid over more\n', stderr: '' })
    expect(JSON.parse((await python(list, { workspace })).stdout)).toEqual({
      a: 'a',
      sub: '/',
      'sub/b': 'b',
      'sub/deep': '/',
      'sub/deep/c': 'c',
      'sub/laid': 'laid over',
      gone: 'x',
    })
    expect(await readFile(join(base, 'a'), 'utf8')).toBe('a')
  })

  // In a user namespace an overlay answers EXDEV, as between two disks.
  it.skipIf(driver.boundsWorkspaces && driver.name === 'bubblewrap' && process.getuid?.() !== 0)(
    'lets a directory of the base be renamed',
    async () => {
      const workspace = { base: await fixture.base({ 'sub/deep/c': 'c' }), changes: [] }
      const moved = await python('import os; os.rename("sub", "other"); print(open("other/deep/c").read())', {
        workspace,
      })
      expect(moved).toMatchObject({ stdout: 'c\n', stderr: '' })
    },
  )

  it('is bounded in bytes, whatever the base has', async () => {
    const base = await fixture.base({ large: 'x'.repeat(4 * MIB) })
    const fill = `
import errno, time
written = 0
try:
    for n in range(64):
        with open(f"fill-{n}", "wb", buffering=0) as f: written += f.write(bytes(1 << 20))
except OSError as e: print(errno.errorcode[e.errno], written >> 20, flush=True)
time.sleep(${driver.boundsWorkspaces ? 0 : 600})`
    const limits = { ...standard, workspaceBytes: 16 * MIB, fileBytes: 17 * MIB }
    const result = await python(fill, { workspace: { base, changes: [] }, limits })
    if (driver.boundsWorkspaces) expect(result).toMatchObject({ stdout: 'ENOSPC 16\n', exitCode: 0 })
    else expectEndedForSize(result)
  })

  it('is bounded in files, whatever the base has', async () => {
    const base = await fixture.base(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`many/${n}`, ''])))
    const fill = `
import errno, os, time
n = 0
try:
    while n < 3000: os.mkdir(f"made-{n}") if n % 2 else os.symlink("x", f"made-{n}"); n += 1
except OSError as e: print(errno.errorcode[e.errno], n if not 200 <= n <= 220 else True, flush=True)
time.sleep(${driver.boundsWorkspaces ? 0 : 600})`
    const limits = { ...standard, workspaceFiles: 200 }
    const result = await python(fill, { workspace: { base, changes: [] }, limits })
    if (driver.boundsWorkspaces) expect(result).toMatchObject({ stdout: 'ENOSPC True\n', exitCode: 0 })
    else expectEndedForSize(result)
  })

  it('is gone with its traps, and no link in it is followed', async () => {
    await writeFile(join(fixture.privateDirectory, 'kept'), 'still here')
    const traps = `
import os
os.symlink("../../kept", "to-file"); os.symlink("../..", "to-directory"); os.symlink("${fixture.privateDirectory}", "absolute")
os.mkfifo("pipe")
open(b"\\xff\\xfe not utf-8", "w"); os.mkdir(b"\\xff directory"); open(b"\\xff directory/\\xfe", "w")
os.makedirs("locked/inner"); open("locked/inner/a", "w")
for _ in range(3000):
    os.mkdir("deep-directory"); os.chdir("deep-directory")
open("bottom", "w")
os.chmod("/workspace/locked/inner", 0); os.chmod("/workspace/locked", 0); os.chmod("/workspace", 0)`
    expect(await python(traps)).toMatchObject({ stderr: '', exitCode: 0 })
    expect(leftIn(fixture.scratch)).toEqual([])
    expect(await readFile(join(fixture.privateDirectory, 'kept'), 'utf8')).toBe('still here')
  })

  // For docker a layer has an image too, which only a set-up makes.
  it.skipIf(driver.name === 'docker')(
    'has what an environment’s layer keeps for it below the base, and writes nothing into that',
    async () => {
      const layer = await fixture.base({
        'workspace/node_modules/kept/index.js': 'module.exports = "from the layer"',
        'workspace/package.json': '{"from": "setup"}',
      })
      const base = await fixture.base({ 'package.json': '{"from": "base"}' })
      const script = 'const m = require("kept"); console.log(m, require("./package.json").from)'
      const workspace = { base, changes: [] }
      const used = await run(['node', '-e', script], { workspace, layer })
      expect(used).toMatchObject({ stdout: 'from the layer base\n', stderr: '' })
      const written = await run(['sh', '-c', 'echo x > node_modules/kept/index.js && echo x > node_modules/more'], {
        workspace,
        layer,
      })
      expect(written).toMatchObject({ exitCode: 0, stderr: '' })
      expect((await run(['node', '-e', script], { workspace, layer })).stdout).toBe('from the layer base\n')
    },
  )

  it('is found though the server’s directories have names that options of a mount would misread', async () => {
    const base = await fixture.base({ a: 'a' })
    const odd = join(fixture.privateDirectory, 'a,b:c\\d e"f')
    await mkdir(odd)
    await rename(base, join(odd, 'base'))
    const workspace = { base: join(odd, 'base'), changes: [{ path: 'b', content: 'b' }] }
    expect(await run(['sh', '-c', 'cat a b; echo x > a'], { workspace })).toMatchObject({ stdout: 'ab', exitCode: 0 })
  })
}

/** A driver that needs none does not make the directory. */
function leftIn(scratch: string): readonly string[] {
  return existsSync(scratch) ? readdirSync(scratch) : []
}

function expectEndedForSize(result: unknown): void {
  expect(result).toMatchObject({
    exitCode: null,
    signal: 'SIGKILL',
    timedOut: false,
    stderr: expect.stringContaining('the workspace limit is'),
  })
}
