import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PatchRejectedError, type PatchRejection } from '../../src/domain/errors.ts'
import { change, gitWithInput, openStore, type Project, type StoreFixture, withLink } from './store-fixture.ts'

let fixture: StoreFixture
let project: Project
let tree: string

const repeated = 'same\n'.repeat(12)

beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project({
    'a.txt': 'one\ntwo\nthree\n',
    'b.txt': 'one\n',
    'dir/file.txt': 'x\n',
    'repeated.txt': repeated,
    'data.bin': Buffer.from([0, 1, 2, 3]),
  })
  tree = await withLink(project, project.tree, 'link', 'dir')
  tree = await withSubmodule(tree)
})
afterAll(() => fixture[Symbol.asyncDispose]())

async function withSubmodule(onto: string): Promise<string> {
  const listing = await project.git('ls-tree', onto)
  const lines = `${listing}160000 commit ${'1'.repeat(40)}\tmodule\n`
  return (await gitWithInput(project, ['mktree', '--missing'], lines)).trim()
}

/** The rejection, after a look at what it left behind. */
async function refusal(patch: string): Promise<PatchRejectedError> {
  const refs = await project.refs()
  const objects = objectFiles()
  const error = await fixture.store.applyPatch(project.id, tree, patch).then(
    () => new Error('it was applied'),
    (rejection: unknown) => rejection,
  )
  expect(error).toBeInstanceOf(PatchRejectedError)
  expect(await project.refs()).toEqual(refs)
  expect(objectFiles()).toEqual(objects)
  expect(await fixture.leftovers()).toEqual([])
  return error as PatchRejectedError
}

/** Also those that are not finished. */
function objectFiles(): string[] {
  return readdirSync(join(fixture.store.directory(project.id), 'objects'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.includes('/'))
    .toSorted()
}

function adding(name: string): string {
  return `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+x\n`
}

function quotedAdding(name: string): string {
  return `diff --git "a/${name}" "b/${name}"\nnew file mode 100644\n--- /dev/null\n+++ "b/${name}"\n@@ -0,0 +1 @@\n+x\n`
}

const change1 = '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n'
const removal =
  'diff --git a/b.txt b/b.txt\ndeleted file mode 100644\n--- a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n'
const change2 = '--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+1\n'

const unsafePaths: [PatchRejection, string][] = [
  ['UNSAFE_PATH', '/etc/passwd'],
  ['UNSAFE_PATH', '../x'],
  ['UNSAFE_PATH', 'a/../../x'],
  ['UNSAFE_PATH', 'a/./x'],
  ['UNSAFE_PATH', 'a//x'],
  ['UNSAFE_PATH', 'x/'],
  ['UNSAFE_PATH', '...'],
  ['UNSAFE_PATH', 'a/.. /x'],
  ['UNSAFE_PATH', 'a/.\u200c./x'],
  ['UNSAFE_PATH', 'a/\uff0e\uff0e/x'],
  ['UNSAFE_PATH', 'a/\u2025/x'],
  ['UNSAFE_PATH', 'a/..::$INDEX_ALLOCATION/x'],
  ['UNSAFE_PATH', 'C:/x'],
  ['UNSAFE_PATH', 'c:x'],
  ['UNSAFE_PATH', '//server/share'],
  ['UNSAFE_PATH', 'end. '],
  ['UNSAFE_PATH', 'n'.repeat(256)],
  ['UNSAFE_PATH', `${'d/'.repeat(64)}x`],
  ['UNSAFE_PATH', `${'dddddddddd/'.repeat(400)}x`],
  ['RESERVED_PATH', '.git/config'],
  ['RESERVED_PATH', '.GIT/hooks/x'],
  ['RESERVED_PATH', 'sub/.git/x'],
  ['RESERVED_PATH', '.git'],
  ['RESERVED_PATH', 'git~1/config'],
  ['RESERVED_PATH', 'GIT~2'],
  ['RESERVED_PATH', '.git::$INDEX_ALLOCATION/config'],
  ['RESERVED_PATH', '.git./config'],
  ['RESERVED_PATH', '.git /config'],
  ['RESERVED_PATH', '.g\u200cit/config'],
  ['RESERVED_PATH', '.gi\ufefft'],
  ['RESERVED_PATH', '.gitmodules'],
  ['RESERVED_PATH', '.GitModules'],
  ['RESERVED_PATH', 'gitmod~1'],
  ['RESERVED_PATH', 'CON'],
  ['RESERVED_PATH', 'dir/aux.c'],
]

describe('a path is refused', () => {
  test.each(unsafePaths)('as %s: %j', async (reason, path) => {
    expect(await refusal(adding(path))).toMatchObject({ reason })
  })

  test.each([
    ['a backslash', 'dir\\\\..\\\\x'],
    ['a control character', 'a\\nb'],
    ['an escape character', 'a\\033[2J'],
    ['a NUL', 'a.txt\\000.png'],
    ['bytes that are no text', 'a\\377'],
    ['a climb behind quotes', '..\\057x'],
  ])('when it has %s in quotes', async (_, name) => {
    expect(await refusal(quotedAdding(name))).toMatchObject({ reason: 'UNSAFE_PATH' })
  })

  test('also as the source or target of a rename or copy', async () => {
    for (const word of ['rename', 'copy']) {
      const patch = (from: string, to: string) =>
        `diff --git a/${from} b/${to}\n${word} from ${from}\n${word} to ${to}\n`
      expect(await refusal(patch('a.txt', '.git/hooks/post-checkout'))).toMatchObject({ reason: 'RESERVED_PATH' })
      expect(await refusal(patch('../../etc/passwd', 'x'))).toMatchObject({ reason: 'UNSAFE_PATH' })
    }
  })

  test('when the same names are bare', async () => {
    const patch = (path: string) => `--- ${path}\n+++ ${path}\n@@ -1 +1 @@\n-x\n+y\n`
    expect(await refusal(patch('/etc/passwd'))).toMatchObject({ reason: 'UNSAFE_PATH', path: '/etc/passwd' })
    expect(await refusal(patch('../x'))).toMatchObject({ reason: 'UNSAFE_PATH' })
  })
})

describe('links and submodules', () => {
  test.each([
    [
      'a link is made',
      'SYMLINK',
      'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n',
    ],
    ['a file becomes a link', 'SYMLINK', 'diff --git a/a.txt b/a.txt\nold mode 100644\nnew mode 120000\n'],
    [
      'a link is edited',
      'SYMLINK',
      '--- a/link\n+++ b/link\n@@ -1 +1 @@\n-dir\n\\ No newline at end of file\n+/etc\n\\ No newline at end of file\n',
    ],
    ['a link is renamed', 'SYMLINK', 'diff --git a/link b/l2\nrename from link\nrename to l2\n'],
    ['a file is made below a link', 'SYMLINK', adding('link/new.txt')],
    ['a file is edited through a link', 'SYMLINK', '--- a/link/file.txt\n+++ b/link/file.txt\n@@ -1 +1 @@\n-x\n+y\n'],
    [
      'a submodule is made',
      'UNSAFE_PATH',
      `diff --git a/m b/m\nnew file mode 160000\n--- /dev/null\n+++ b/m\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`,
    ],
    [
      'a submodule is removed',
      'UNSAFE_PATH',
      `diff --git a/module b/module\ndeleted file mode 160000\n--- a/module\n+++ /dev/null\n@@ -1 +0,0 @@\n-Subproject commit ${'1'.repeat(40)}\n`,
    ],
    ['a file is made in a submodule', 'UNSAFE_PATH', adding('module/x')],
  ] as const)('are refused when %s', async (_, reason, patch) => {
    expect(await refusal(patch)).toMatchObject({ reason })
  })

  test('a link and a file through it in one patch leave nothing', async () => {
    const link = 'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n'
    expect(await refusal(`${link}${adding('l/countersign-escape')}`)).toMatchObject({ reason: 'SYMLINK' })
    expect(existsSync('/tmp/countersign-escape')).toBe(false)
  })
})

describe('what does not apply is refused', () => {
  test('whole, with path, hunk and git’s words, when one hunk of many is bad', async () => {
    const bad = '--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-something else\n+1\n'
    const rejection = await refusal(`${change1}${bad}${adding('new.txt')}`)
    expect(rejection).toMatchObject({ reason: 'DOES_NOT_APPLY', path: 'b.txt', hunk: 1 })
    expect(rejection.details).toContain('error: patch failed: b.txt:1\nerror: b.txt: patch does not apply')
  })

  test('the second hunk of a file is named', async () => {
    const patch =
      '--- a/repeated.txt\n+++ b/repeated.txt\n@@ -1,3 +1,4 @@\n same\n+x\n same\n same\n@@ -9,2 +10,2 @@\n same\n-other\n+y\n'
    expect(await refusal(patch)).toMatchObject({ reason: 'DOES_NOT_APPLY', path: 'repeated.txt', hunk: 2 })
  })

  test('an offset is refused when the lines stand at several places', async () => {
    const patch = '--- a/repeated.txt\n+++ b/repeated.txt\n@@ -40,3 +40,4 @@\n same\n+x\n same\n same\n'
    const rejection = await refusal(patch)
    expect(rejection).toMatchObject({ reason: 'DOES_NOT_APPLY', path: 'repeated.txt', hunk: 1 })
    expect(rejection.details).toContain('several other places')
  })

  test.each([
    ['a file that is not there', '--- a/none.txt\n+++ b/none.txt\n@@ -1 +1 @@\n-x\n+y\n'],
    ['a new file that is there', adding('a.txt')],
    ['a new file below a file', adding('a.txt/child')],
    ['a new file where a directory is', adding('dir')],
    ['a file and a file below it', adding('thing') + adding('thing/child.py')],
    ['a directory', '--- a/dir\n+++ b/dir\n@@ -1 +1 @@\n-x\n+y\n'],
    ['a deletion of another content', '--- a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-two\n'],
    ['a deletion of a part', '--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n'],
    ['a deletion that shows nothing', 'diff --git a/a.txt b/a.txt\ndeleted file mode 100644\n'],
    ['an insertion without context', '--- a/a.txt\n+++ b/a.txt\n@@ -2,0 +3 @@\n+x\n'],
    ['a hunk that ends before the end without context', '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n'],
    [
      'a binary patch of another base',
      `diff --git a/data.bin b/data.bin\nindex ${'1'.repeat(40)}..${'2'.repeat(40)} 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\nliteral 0\nHcmV?d00001\n\n`,
    ],
  ])('%s', async (_, patch) => {
    expect(await refusal(patch)).toMatchObject({ reason: 'DOES_NOT_APPLY' })
  })
})

describe('headers that say one thing and do another are refused', () => {
  test.each([
    ['the diff line names another file', `diff --git a/b.txt b/b.txt\n${change1}`],
    ['the diff line hides a rename', `diff --git a/a.txt b/b2.txt\n${change1}`],
    [
      'old and new names differ without a rename',
      '--- a/a.txt\n+++ b/b.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
    ],
    ['the rename lines name other files', 'diff --git a/a.txt b/c.txt\nrename from b.txt\nrename to c.txt\n'],
    ['a new file has an old name', `diff --git a/a.txt b/a.txt\nnew file mode 100644\n${change1}`],
    ['a deleted file has a new name', `diff --git a/a.txt b/a.txt\ndeleted file mode 100644\n${change1}`],
    ['a named file does not change', `${change1}--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+one\n`],
    [
      'a new file of git has no mode line',
      'diff --git a/n.txt b/n.txt\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+x\n',
    ],
    ['a removal of git has no mode line', removal.replace('deleted file mode 100644\n', '')],
    ['both sides are nothing', '--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n'],
    ['a mode line changes nothing', `${change1}diff --git a/b.txt b/b.txt\nold mode 100755\nnew mode 100644\n`],
  ])('%s', async (_, patch) => {
    expect(await refusal(patch)).toMatchObject({ reason: 'HEADERS_LIE' })
  })

  test('a mode change of a file that has the new mode already', async () => {
    const executable = await fixture.store.changeTree(project.id, tree, [change('b.txt', 'one\n', '100755')])
    const lie = `diff --git a/b.txt b/b.txt\nold mode 100644\nnew mode 100755\n${change2}`
    await expect(fixture.store.applyPatch(project.id, executable, lie)).rejects.toMatchObject({
      reason: 'HEADERS_LIE',
      path: 'b.txt',
    })
  })

  test('a binary patch whose way back is damaged, which git would drop', async () => {
    const to = await fixture.store.changeTree(project.id, tree, [change('data.bin', Buffer.from([0, 7, 7]))])
    const patch = await fixture.store.patchBetween(project.id, tree, to)
    const end = patch.trimEnd().length
    const damaged = `${patch.slice(0, end - 2)}~~${patch.slice(end)}`
    expect(await refusal(damaged)).toMatchObject({ reason: 'MALFORMED' })
    const sizes = [...patch.matchAll(/^(?:literal|delta) \d/gm)]
    const at = (sizes.at(-1)?.index ?? 0) + (sizes.at(-1)?.[0].length ?? 0)
    expect(await refusal(`${patch.slice(0, at)}x${patch.slice(at)}`)).toMatchObject({ reason: 'MALFORMED' })
  })

  test.each([
    ['is cut', (id: string) => id.slice(0, 7), 'without full index line'],
    ['is of another object format', (id: string) => id + id.slice(0, 24), 'another object format'],
  ])('a binary patch whose index line %s', async (_, replace, words) => {
    const to = await fixture.store.changeTree(project.id, tree, [change('data.bin', Buffer.from([0, 9]))])
    const patch = await fixture.store.patchBetween(project.id, tree, to)
    const rejection = await refusal(patch.replace(/[0-9a-f]{40}/g, replace))
    expect(rejection).toMatchObject({ reason: 'DOES_NOT_APPLY', path: 'data.bin' })
    expect(rejection.details).toContain(words)
  })

  test('a binary patch that makes another content than it says', async () => {
    const to = await fixture.store.changeTree(project.id, tree, [change('data.bin', Buffer.from([0, 7, 7]))])
    const patch = await fixture.store.patchBetween(project.id, tree, to)
    const lying = patch.replace(/\.\.[0-9a-f]{8}/, '..00000000')
    expect(await refusal(lying)).toMatchObject({ reason: 'HEADERS_LIE', path: 'data.bin' })
  })
})

describe('what is no sound patch is refused', () => {
  test.each([
    ['EMPTY', 'nothing', ''],
    ['EMPTY', 'blanks', ' \n\n\t\n'],
    ['MALFORMED', 'prose', 'Please change the file.\n'],
    ['MALFORMED', 'a hunk without a file', '@@ -1 +1 @@\n-x\n+y\n'],
    ['MALFORMED', 'a hunk before the first file', `@@ -1 +1 @@\n-x\n+y\n${change1}`],
    ['MALFORMED', 'prose between two patches', `${change1}And then:\n${change2}`],
    ['MALFORMED', 'a patch after a signature', `${change1}-- \n2.39.5\n\n${change2}`],
    ['MALFORMED', 'a closing fence alone', `${change1}\`\`\`\n`],
    ['MALFORMED', 'a mode that is none', `${removal.replace('100644', '10x644')}`],
    ['MALFORMED', 'too few lines', '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n'],
    ['MALFORMED', 'a line without a mark', '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\ntwo\n three\n'],
    ['MALFORMED', 'two sections for one file', change1 + change1],
    [
      'MALFORMED',
      'a binary file without its content',
      'diff --git a/data.bin b/data.bin\nindex 1111111..2222222 100644\nBinary files a/data.bin and b/data.bin differ\n',
    ],
    [
      'MALFORMED',
      'a section that says nothing',
      `${change1}diff --git a/b.txt b/b.txt\nindex 1111111..2222222 100644\n`,
    ],
    ['MALFORMED', 'a strange mode', 'diff --git a/a.txt b/a.txt\nold mode 100644\nnew mode 104755\n'],
    ['MALFORMED', 'a NUL', change1.replace('+2', '+\0')],
    ['MALFORMED', 'half a surrogate', change1.replace('+2', '+\ud800')],
    ['MALFORMED', 'an unclosed quote', '--- "a/a.txt\n+++ "b/a.txt\n@@ -1 +1 @@\n-x\n+y\n'],
    ['NO_CHANGE', 'a change that is none', '--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+one\n'],
    ['TOO_LARGE', 'more than 5 MiB', adding('x').replace('+x', `+${'x'.repeat(5 * 1024 * 1024)}`)],
    ['TOO_LARGE', 'more than 2,000 files', Array.from({ length: 2001 }, (_, index) => adding(`f${index}`)).join('')],
  ] as const)('as %s: %s', async (reason, _, patch) => {
    expect(await refusal(patch)).toMatchObject({ reason })
  })

  test('a corrupt hunk is named', async () => {
    const patch = `${change1}@@ -9,9 +9,9 @@\n x\n`
    expect(await refusal(patch)).toMatchObject({ reason: 'MALFORMED', hunk: 2 })
  })

  test('a result of more than 20 MiB', async () => {
    const literal = await fixture.store.changeTree(project.id, tree, [
      change('data.bin', Buffer.alloc(20 * 1024 * 1024)),
    ])
    const patch = await fixture.store.patchBetween(project.id, tree, literal)
    const larger = patch.replace(/^(literal|delta) \d+$/m, `literal ${20 * 1024 * 1024 + 1}`)
    expect((await refusal(larger)).reason).toBe('MALFORMED')
  })
})

describe('changing a tree', () => {
  test.each([
    ['UNSAFE_PATH', change('../x', 'x')],
    ['RESERVED_PATH', change('.git/hooks/x', 'x')],
    ['RESERVED_PATH', change('nul', 'x')],
    ['SYMLINK', change('link', 'x')],
    ['SYMLINK', change('link/x', 'x')],
    ['UNSAFE_PATH', change('module', 'x')],
    ['UNSAFE_PATH', change('module/x', null)],
    ['DOES_NOT_APPLY', change('dir', 'x')],
    ['DOES_NOT_APPLY', change('a.txt/x', 'x')],
    ['DOES_NOT_APPLY', change('none.txt', null)],
  ] as const)('refuses as %s: %o', async (reason, edit) => {
    await expect(fixture.store.changeTree(project.id, tree, [edit])).rejects.toMatchObject({ reason })
  })
})
