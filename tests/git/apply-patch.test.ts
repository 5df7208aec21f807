import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { isLong } from '../support/long.ts'
import { change, openStore, type StoreFixture, withLink } from './store-fixture.ts'

// patch-properties.test.ts looks at more trees; these are of names and lines that patches themselves are made of.
const randomRounds = isLong ? 200 : 12

let fixture: StoreFixture

beforeAll(async () => {
  fixture = await openStore()
})
afterAll(async () => {
  expect(await fixture.leftovers()).toEqual([])
  await fixture[Symbol.asyncDispose]()
})

const numbers = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('')

const base = {
  'a.txt': 'one\ntwo\nthree\n',
  'dir/numbers.txt': numbers,
  'crlf.txt': 'one\r\ntwo\r\n',
  'open.txt': 'no newline',
  'empty.txt': '',
  'gone/only.txt': 'bye\n',
}

interface Accepted {
  readonly name: string
  readonly patch: string
  /** What differs from the base: null for what is gone. */
  readonly result: Record<string, string | null>
}

const accepted: Accepted[] = [
  {
    name: 'a change with prefixes',
    patch: 'diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
    result: { 'a.txt': 'one\n2\nthree\n' },
  },
  {
    name: 'a change with bare names',
    patch:
      'diff --git dir/numbers.txt dir/numbers.txt\n--- dir/numbers.txt\n+++ dir/numbers.txt\n@@ -1,2 +1,2 @@\n-line 1\n+1\n line 2\n',
    result: { 'dir/numbers.txt': numbers.replace('line 1\n', '1\n') },
  },
  {
    name: 'only --- and +++ lines, with timestamps',
    patch: '--- a/a.txt\t2024-01-01 00:00:00\n+++ b/a.txt\t2024-01-02 00:00:00\n@@ -1 +1 @@\n-one\n+1\n'.replace(
      '@@ -1 +1 @@\n-one\n+1\n',
      '@@ -1,3 +1,3 @@\n-one\n+1\n two\n three\n',
    ),
    result: { 'a.txt': '1\ntwo\nthree\n' },
  },
  {
    name: 'a new file, also without a mode line',
    patch: '--- /dev/null\n+++ b/new/deep/file.txt\n@@ -0,0 +1,2 @@\n+x\n+y\n',
    result: { 'new/deep/file.txt': 'x\ny\n' },
  },
  {
    name: 'an empty new file',
    patch: 'diff --git a/new.txt b/new.txt\nnew file mode 100644\nindex 0000000..e69de29\n',
    result: { 'new.txt': '' },
  },
  {
    name: 'a deletion that empties its directory',
    patch:
      'diff --git a/gone/only.txt b/gone/only.txt\ndeleted file mode 100644\n--- a/gone/only.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n',
    result: { 'gone/only.txt': null },
  },
  {
    name: 'a file that takes the name of a directory that goes',
    patch: '--- a/gone/only.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n--- /dev/null\n+++ b/gone\n@@ -0,0 +1 @@\n+file\n',
    result: { 'gone/only.txt': null, gone: 'file\n' },
  },
  {
    name: 'a rename with a change',
    patch:
      'diff --git a/a.txt b/b c.txt\nsimilarity index 60%\nrename from a.txt\nrename to b c.txt\n--- a/a.txt\t\n+++ b/b c.txt\t\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
    result: { 'a.txt': null, 'b c.txt': 'one\n2\nthree\n' },
  },
  {
    name: 'two files that change places',
    patch:
      'diff --git a/a.txt b/open.txt\nsimilarity index 100%\nrename from a.txt\nrename to open.txt\ndiff --git a/open.txt b/a.txt\nsimilarity index 100%\nrename from open.txt\nrename to a.txt\n',
    result: { 'a.txt': 'no newline', 'open.txt': 'one\ntwo\nthree\n' },
  },
  {
    name: 'a copy',
    patch: 'diff --git a/a.txt b/copy.txt\nsimilarity index 100%\ncopy from a.txt\ncopy to copy.txt\n',
    result: { 'copy.txt': 'one\ntwo\nthree\n' },
  },
  {
    name: 'a quoted name',
    patch:
      'diff --git "a/\\303\\274.txt" "b/\\303\\274.txt"\nnew file mode 100644\n--- /dev/null\n+++ "b/\\303\\274.txt"\n@@ -0,0 +1 @@\n+x\n',
    result: { 'ü.txt': 'x\n' },
  },
  {
    name: 'no newline at the end of either side',
    patch:
      '--- a/open.txt\n+++ b/open.txt\n@@ -1 +1 @@\n-no newline\n\\ No newline at end of file\n+still none\n\\ No newline at end of file\n',
    result: { 'open.txt': 'still none' },
  },
  {
    name: 'content with CRLF',
    patch: '--- a/crlf.txt\n+++ b/crlf.txt\n@@ -1,2 +1,2 @@\n one\r\n-two\r\n+2\r\n',
    result: { 'crlf.txt': 'one\r\n2\r\n' },
  },
  {
    name: 'headers with CRLF',
    patch: '--- a/crlf.txt\r\n+++ b/crlf.txt\r\n@@ -1,2 +1,2 @@\r\n one\r\n-two\r\n+2\r\n',
    result: { 'crlf.txt': 'one\r\n2\r\n' },
  },
  {
    name: 'a last line whose newline is missing in the patch',
    patch: '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n two\n-three\n+3',
    result: { 'a.txt': 'one\ntwo\n3\n' },
  },
  {
    name: 'what format-patch writes around a diff',
    patch: `${'From 0123 Mon Sep 17 00:00:00 2001\nSubject: words\n\nProse.\n---\n a.txt | 2 +-\n\ndiff --git a/a.txt b/a.txt\nindex 1..2 100644\n'.replace(
      'index 1..2',
      'index 1111111..2222222',
    )}--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n-- \n2.39.5\n\n`,
    result: { 'a.txt': 'one\n2\nthree\n' },
  },
  {
    name: 'hunks at other lines than they say, when their lines stand once',
    patch: '--- a/dir/numbers.txt\n+++ b/dir/numbers.txt\n@@ -3,3 +3,4 @@\n line 11\n line 12\n+new\n line 13\n',
    result: { 'dir/numbers.txt': numbers.replace('line 12\n', 'line 12\nnew\n') },
  },
  {
    name: 'context lines whose blank was cut',
    patch: '--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1,3 @@\n+a\n+\n+b\n',
    result: { 'n.txt': 'a\n\nb\n' },
  },
]

test.each(accepted)('$name is applied', async ({ patch, result }) => {
  const project = await fixture.project(base)
  const applied = await fixture.store.applyPatch(project.id, project.tree, patch)
  const expected = Object.fromEntries(Object.entries({ ...base, ...result }).filter(([, content]) => content !== null))
  expect(await project.files(applied.tree)).toEqual(expected)
  expect(applied.content.endsWith('\n')).toBe(true)
  // What was stored as applied does the same again.
  expect((await fixture.store.applyPatch(project.id, project.tree, applied.content)).tree).toBe(applied.tree)
  expect(await project.refs()).toEqual(['refs/heads/main'])
})

test('a mode is changed, kept, and not taken from an index line', async () => {
  const { store } = fixture
  const project = await fixture.project(base)
  const executable = await store.applyPatch(
    project.id,
    project.tree,
    'diff --git a/a.txt b/a.txt\nold mode 100644\nnew mode 100755\n',
  )
  expect(await store.readFile(project.id, executable.tree, 'a.txt')).toMatchObject({ mode: '100755' })
  const patch =
    'diff --git a/a.txt b/a.txt\nindex 1111111..2222222 100644\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n-one\n+1\n two\n three\n'
  const changed = await store.applyPatch(project.id, executable.tree, patch)
  expect(await store.readFile(project.id, changed.tree, 'a.txt')).toMatchObject({ mode: '100755' })
})

test('a symbolic link can be removed, and give way to a file', async () => {
  const project = await fixture.project(base)
  const tree = await withLink(project, project.tree, 'link', '/etc/passwd')
  const removal =
    'diff --git a/link b/link\ndeleted file mode 120000\n--- a/link\n+++ /dev/null\n@@ -1 +0,0 @@\n-/etc/passwd\n\\ No newline at end of file\n'
  expect((await fixture.store.applyPatch(project.id, tree, removal)).tree).toBe(project.tree)
  const addition = 'diff --git a/link b/link\nnew file mode 100644\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+x\n'
  const replaced = await fixture.store.applyPatch(project.id, tree, removal + addition)
  expect(await fixture.store.readFile(project.id, replaced.tree, 'link')).toMatchObject({ mode: '100644' })
})

test("a project's attributes change nothing", async () => {
  const { store } = fixture
  const files = { '.gitattributes': '* text eol=crlf\n*.txt ident -diff\n', 'a.txt': '$Id$\ntwo\n' }
  const project = await fixture.project(files)
  const to = await store.changeTree(project.id, project.tree, [
    change('a.txt', '$Id$\n2\n'),
    change('.gitattributes', '* text eol=crlf\n'),
  ])
  const patch = await store.patchBetween(project.id, project.tree, to)
  expect(patch).toContain('-two\n+2\n')
  expect((await store.applyPatch(project.id, project.tree, patch)).tree).toBe(to)
})

test('git is started equally often for one file and for many', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`d${index % 7}/e/f${index}.txt`, `a\nb${index}\n`]),
  )
  const project = await fixture.project(files)
  const patchOf = (count: number) =>
    Object.keys(files)
      .slice(0, count)
      .map((path) => `--- a/${path}\n+++ b/${path}\n@@ -1,2 +1,3 @@\n a\n+x\n b${path.match(/f(\d+)/)?.[1]}\n`)
      .join('')
  await fixture.store.applyPatch(project.id, project.tree, patchOf(1))
  const counts: number[] = []
  for (const count of [1, 60]) {
    const before = fixture.spawns.length
    await fixture.store.applyPatch(project.id, project.tree, patchOf(count))
    counts.push(fixture.spawns.length - before)
  }
  expect(counts).toEqual([1, 1])
})

test('it agrees with git apply in a work tree', async () => {
  const project = await fixture.project(base)
  const directory = await mkdtemp(join(tmpdir(), 'countersign-worktree-'))
  try {
    for (const { patch } of accepted) {
      const git = (...args: string[]) =>
        execFileSync('git', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
      git('init', '-q', '.')
      git('fetch', '-q', fixture.store.directory(project.id), 'main')
      git('reset', '-q', '--hard', 'FETCH_HEAD')
      git('clean', '-qfdx')
      const file = join(directory, '.git', 'the.patch')
      await writeFile(file, patch.endsWith('\n') ? patch : `${patch}\n`)
      const isBare = /^--- dir\//m.test(patch)
      git('apply', '--index', '--whitespace=nowarn', isBare ? '-p0' : '-p1', file)
      const tree = git('write-tree').toString().trim()
      expect((await fixture.store.applyPatch(project.id, project.tree, patch)).tree).toBe(tree)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

describe('the patch of two trees', () => {
  test('of text that is no UTF-8 survives as a string', async () => {
    const { store } = fixture
    const project = await fixture.project({
      'latin.txt': Buffer.from('caf\xe9\n', 'latin1'),
      'late-nul.txt': 'x\n'.repeat(9000),
    })
    const to = await store.changeTree(project.id, project.tree, [
      change('latin.txt', Buffer.from('caf\xe9!\n', 'latin1')),
      change('late-nul.txt', `${'x\n'.repeat(9000)}\0\n`),
      change('other.txt', Buffer.from('\xff\xfe', 'latin1')),
    ])
    const patch = await store.patchBetween(project.id, project.tree, to)
    expect(patch).not.toContain('\0')
    expect((await store.applyPatch(project.id, project.tree, patch)).tree).toBe(to)
    const files = await store.changedFiles(project.id, project.tree, to)
    expect(files.map(({ path, kind, isBinary }) => [path, kind, isBinary])).toEqual([
      ['late-nul.txt', 'MODIFIED', false],
      ['latin.txt', 'MODIFIED', false],
      ['other.txt', 'ADDED', false],
    ])
  })

  test('gives each file its kind, counts and part', async () => {
    const { store } = fixture
    const project = await fixture.project({
      ...base,
      'b.bin': Buffer.from([0, 1]),
      'prose.md': 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n',
    })
    const to = await store.changeTree(project.id, project.tree, [
      change('a.txt', null),
      change('moved "ü".txt', base['a.txt']),
      change('dir/numbers.txt', `${numbers}more\n`),
      change('copied.txt', numbers),
      change('empty.txt', '', '100755'),
      change('b.bin', Buffer.from([0, 2])),
      change('prose.md', 'diff --git a/y b/y\n'),
      change('gone/only.txt', null),
      change('new.txt', 'x\n'),
    ])
    const files = await store.changedFiles(project.id, project.tree, to)
    const shown = files.map(({ path, previousPath, kind, isBinary, additions, deletions }) => [
      path,
      previousPath,
      kind,
      isBinary,
      additions,
      deletions,
    ])
    expect(shown).toEqual([
      ['b.bin', null, 'MODIFIED', true, 0, 0],
      ['copied.txt', 'dir/numbers.txt', 'COPIED', false, 0, 0],
      ['dir/numbers.txt', null, 'MODIFIED', false, 1, 0],
      ['empty.txt', null, 'MODE_CHANGED', false, 0, 0],
      ['gone/only.txt', null, 'DELETED', false, 0, 1],
      ['moved "ü".txt', 'a.txt', 'RENAMED', false, 0, 0],
      ['new.txt', null, 'ADDED', false, 1, 0],
      ['prose.md', null, 'MODIFIED', false, 1, 4],
    ])
    for (const file of files) expect(file.patch.startsWith('diff --git ')).toBe(true)
    expect(files.at(-1)?.patch).toContain('-diff --git a/x b/x\n')
    expect(files[2]).toMatchObject({ oldMode: '100644', newMode: '100644' })
    expect(files[6]).toMatchObject({ oldMode: null, oldObjectId: null, newMode: '100644' })
    const patch = await store.patchBetween(project.id, project.tree, to)
    expect((await store.applyPatch(project.id, project.tree, patch)).tree).toBe(to)
  })
})

test('random changes make patches that lead to the same tree', async () => {
  const { store } = fixture
  const random = randomNumbers(42)
  const names = ['a', 'b c', 'ü', 'x/y', 'x/z.txt', 'x/w/"q"', 'p/q/r', "p/q/s'", 'tab', '-dash', 'b/a', 'a.b']
  const content = () => {
    if (random(8) === 0) return Buffer.from(Array.from({ length: random(60) }, () => random(256)))
    const lines = Array.from(
      { length: random(30) },
      () => ['alpha', 'beta', '', 'gamma\r', '--- a/x', '+++ b/x', '@@ -1 +1 @@', ' x'][random(8)],
    )
    return Buffer.from(lines.join('\n') + (random(4) === 0 ? '' : '\n'))
  }
  const project = await fixture.project({ 'a.b': 'start\n' })
  let tree = project.tree
  let compared = 0
  for (let round = 0; round < randomRounds; round++) {
    const paths = new Set((await store.listFiles(project.id, tree)).map(({ path }) => path))
    const changes = new Map<string, Buffer | null>()
    for (let index = 0; index < 1 + random(4); index++) {
      const path = names[random(names.length)] ?? 'a'
      const old = paths.has(path) ? (await store.readFile(project.id, tree, path))?.content : undefined
      if (old && random(3) === 0) changes.set(path, null)
      else if (old && random(2) === 0) {
        const lines = old.toString('latin1').split('\n')
        lines.splice(random(lines.length), random(2), 'spliced')
        changes.set(path, Buffer.from(lines.join('\n'), 'latin1'))
      } else changes.set(path, content())
    }
    let to: string
    try {
      const list = [...changes].map(([path, bytes]) => change(path, bytes, random(2) === 0 ? '100644' : '100755'))
      to = await store.changeTree(project.id, tree, list)
    } catch (error) {
      // `x` and `x/y` cannot both be files.
      if ((error as Error).name !== 'PatchRejectedError') throw error
      continue
    }
    if (to === tree) continue
    const patch = await store.patchBetween(project.id, tree, to)
    const applied = await store.applyPatch(project.id, tree, patch)
    expect(applied.tree, `round ${round}:\n${patch}`).toBe(to)
    tree = to
    compared++
  }
  expect(compared).toBeGreaterThan(randomRounds / 2)
  expect(await project.git('fsck', '--strict', '--no-dangling')).toBe('')
})
