import { mkdtemp, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { copyWorkspace } from '../../src/adapters/sandbox/copy-workspace.ts'
import type { WorkspaceChange } from '../../src/domain/ports/sandbox.ts'
import { createFixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()

/** Few names, so that files, directories and links get in each other's way. */
const names = ['a', 'b', 'c']

interface Case {
  readonly base: Readonly<Record<string, string>>
  readonly changes: readonly WorkspaceChange[]
  /** The files and links that have to be there. */
  readonly expected: Readonly<Record<string, string>>
}

function remove(files: Map<string, string>, path: string): void {
  for (const other of [...files.keys()]) if (other === path || other.startsWith(`${path}/`)) files.delete(other)
}

function put(files: Map<string, string>, path: string, content: string): void {
  const parts = path.split('/')
  for (let depth = 1; depth < parts.length; depth++) files.delete(parts.slice(0, depth).join('/'))
  remove(files, path)
  files.set(path, content)
}

/** One after the other, with nothing of the planning in it. */
function randomCase(seed: number): Case {
  const below = randomNumbers(seed)
  const path = () => Array.from({ length: 1 + below(3) }, () => names[below(names.length)]).join('/')
  const files = new Map<string, string>()
  for (let count = below(8); count > 0; count--)
    put(files, path(), below(4) === 0 ? `->${names[below(3)]}` : `base ${count}`)
  const base = Object.fromEntries(files)
  const changes: WorkspaceChange[] = []
  for (let count = below(8); count > 0; count--) {
    const change = { path: path(), content: below(2) === 0 ? null : `change ${count}` }
    changes.push(change)
    if (change.content === null) remove(files, change.path)
    else put(files, change.path, change.content)
  }
  return { base, changes, expected: Object.fromEntries(files) }
}

/** Walked by hand: Node's own walk follows links. */
async function filesIn(directory: string, prefix = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    const name = `${prefix}${entry.name}`
    if (entry.isSymbolicLink()) found[name] = `->${await readlink(path)}`
    else if (entry.isFile()) found[name] = await readFile(path, 'utf8')
    else Object.assign(found, await filesIn(path, `${name}/`))
  }
  return found
}

it('any changes, in their order, come to what they would one after the other', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  for (let seed = 1; seed <= 250; seed++) {
    const { base, changes, expected } = randomCase(seed)
    const lowers = [await fixture.base(base)]
    const scratch = await mkdtemp(join(fixture.privateDirectory, 'copy-'))
    const workspace = await copyWorkspace(scratch, { lowers, changes, layer: null })
    expect({ seed, files: await filesIn(workspace) }).toEqual({ seed, files: expected })
  }
})

it.skipIf(skipReason !== null)(
  `and the same in an overlay${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  async () => {
    await using fixture = await createFixture()
    const list = `
import json, os
seen = {}
for place, directories, files in os.walk("."):
    for name in directories + files:
        path = os.path.join(place, name)[2:]
        if os.path.islink(path): seen[path] = "->" + os.readlink(path)
        elif os.path.isfile(path): seen[path] = open(path).read()
print(json.dumps(seen))`
    for (let seed = 1001; seed <= 1020; seed++) {
      const { base, changes, expected } = randomCase(seed)
      const workspace = { base: await fixture.base(base), changes }
      const { stdout } = await fixture.python(list, { workspace })
      expect({ seed, files: JSON.parse(stdout) }).toEqual({ seed, files: expected })
    }
  },
)

it('copying follows no link, on neither side', async () => {
  await using fixture = await createFixture({ driver: 'none' })
  const outside = await fixture.base({ file: 'outside', 'sub/file': 'outside' })
  const layer = await fixture.base({ sub: `->${outside}/sub`, file: `->${outside}/file` })
  const base = await fixture.base({ 'sub/file': 'base', file: 'base' })
  const scratch = await mkdtemp(join(fixture.privateDirectory, 'copy-'))
  const changes = [{ path: 'sub/more', content: 'x' }]
  const workspace = await copyWorkspace(scratch, { lowers: [base, layer], changes, layer: null })
  expect(await filesIn(workspace)).toEqual({ 'sub/file': 'base', 'sub/more': 'x', file: 'base' })
  expect(await filesIn(outside)).toEqual({ file: 'outside', 'sub/file': 'outside' })
})
