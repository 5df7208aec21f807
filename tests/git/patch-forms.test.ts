import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gitEnvironment } from '../../src/adapters/git/git-environment.ts'
import { decisionOf } from '../../src/domain/safety/language.ts'
import { gitPatches, treeByGit } from './patch-corpus.ts'
import { change, openStore, type Project, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture
let project: Project

const before = {
  'a.txt': 'one\ntwo\nthree\n',
  'w/x': 'x\n',
  'notes.md': 'Run:\n```sh\nnpm test\n```\nDone.\n',
  'old.txt': 'bye\n',
}

beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project(before)
})
afterAll(async () => {
  expect(await fixture.leftovers()).toEqual([])
  await fixture[Symbol.asyncDispose]()
})

const patch = 'diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n'
const other =
  'diff --git a/old.txt b/old.txt\ndeleted file mode 100644\n--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n'

const apply = (text: string) => fixture.store.applyPatch(project.id, project.tree, text)

describe('a patch is found', () => {
  test.each([
    ['in a fence', `\`\`\`diff\n${patch}\`\`\`\n`],
    ['in a fence of tildes', `~~~\n${patch}~~~\n`],
    ['in a longer fence', `\`\`\`\`diff\n${patch}\`\`\`\`\n`],
    ['in a fence without a last newline', `\`\`\`diff\n${patch}\`\`\``],
    ['in a fence with CRLF', `\`\`\`diff\r\n${patch}\`\`\`\r\n`],
    ['in a fence with blank lines', `\`\`\`diff\n\n${patch}\n\`\`\`\n`],
    ['in a fence with prose around it', `Here it is:\n\n\`\`\`patch\n${patch}\`\`\`\n- It renames *two*.\n\nBye.\n`],
    ['after another fence', `Run this first:\n\`\`\`sh\nls\n\`\`\`\nThen:\n\`\`\`diff\n${patch}\`\`\`\n`],
    ['before another fence', `\`\`\`diff\n${patch}\`\`\`\n\nTest it:\n\`\`\`sh\nnpm test\n\`\`\`\n`],
    ['below prose', `I changed the second line.\n\n${patch}`],
    ['above prose', `${patch}\nThat is all.\n- Really.\n`],
    ['in a mail', `From: Ada\nSubject: x\n\nWords.\n---\n a.txt | 2 +-\n\n${patch}-- \n2.39.5\n\n`],
    ['in a mail with a footer', `From: Ada\n\n${patch}-- \n2.39.5\n\n____\nlist footer\n`],
  ])('%s, and stored alone', async (_, text) => {
    const applied = await apply(text)
    expect((await project.files(applied.tree))['a.txt']).toBe('one\n2\nthree\n')
    expect(applied.content).toBe(patch)
  })

  test('that itself changes fences', async () => {
    const markdown = '--- a/notes.md\n+++ b/notes.md\n@@ -2,4 +2,4 @@\n ```sh\n-npm test\n+npm start\n ```\n Done.\n'
    const applied = await apply(`\`\`\`diff\n${markdown}\`\`\`\n`)
    expect((await project.files(applied.tree))['notes.md']).toBe('Run:\n```sh\nnpm start\n```\nDone.\n')
    expect(applied.content).toBe(markdown)
  })
})

describe('a text is refused', () => {
  test.each([
    [
      'with two fences that hold patches',
      `\`\`\`diff\n${patch}\`\`\`\n\n\`\`\`diff\n${other}\`\`\`\n`,
      'more than one patch',
    ],
    ['with a second patch after prose', `${patch}\nAnd then:\n\n${other}`, 'more than one patch'],
    ['with a second patch in a fence below', `${patch}\nAnd:\n\`\`\`\n${other}\`\`\`\n`, 'more than one patch'],
    [
      'with a series of mails',
      `From 1\n\n${patch}-- \n2.39.5\n\nFrom 2\n\n${other}-- \n2.39.5\n`,
      'more than one patch',
    ],
    [
      'with a loose hunk below',
      `\`\`\`diff\n${patch}\`\`\`\n\n\`\`\`diff\n@@ -1 +1 @@\n-x\n+y\n\`\`\`\n`,
      'more than one patch',
    ],
    ['with a fence that is not closed', `\`\`\`diff\n${patch}`, 'not closed'],
    ['with prose inside the fence', `\`\`\`diff\n${patch}Done.\n\`\`\`\n`, 'belongs to no file'],
    ['with a line that its hunk does not count', `${patch} four\n`, 'belongs to no file'],
    ['with an added line that its hunk does not count', `${patch}\n+four\n`, 'belongs to no file'],
    ['that has lost its first line', patch.replace(/^.*\n/, 'index 1111111..2222222 100644\n'), 'comes before'],
  ])('%s', async (_, text, words) => {
    await expect(apply(text)).rejects.toMatchObject({ name: 'PatchRejectedError', reason: 'MALFORMED' })
    await expect(apply(text)).rejects.toThrow(words)
  })
})

test('a last newline that is missing is added before anything else, so the same text is stored', async () => {
  const [cut, whole] = [await apply(patch.slice(0, -1)), await apply(patch)]
  expect(cut).toEqual(whole)
})

test('the empty line that ends a binary patch is put back too, so that git takes what is stored', async () => {
  const to = await fixture.store.changeTree(project.id, project.tree, [change('data', Buffer.from([0, 1, 2]))])
  const whole = await fixture.store.patchBetween(project.id, project.tree, to)
  expect(await apply(whole.trimEnd())).toEqual({ tree: to, content: whole })
  expect(await treeByGit(fixture, project, project.tree, whole, 1)).toBe(to)
})

describe('prefixes', () => {
  test.each([
    ['a/', 'b/'],
    ['b/', 'a/'],
    ['i/', 'w/'],
    ['w/', 'i/'],
    ['c/', 'i/'],
    ['i/', 'c/'],
    ['c/', 'w/'],
    ['w/', 'c/'],
    ['o/', 'w/'],
    ['w/', 'o/'],
    ['1/', '2/'],
    ['2/', '1/'],
    ['', ''],
  ])('%s and %s of git are understood for every kind of change', async (old, next) => {
    const { store } = fixture
    const to = await store.changeTree(project.id, project.tree, [
      change('a.txt', 'one\n2\nthree\n', '100755'),
      change('w/x', null),
      change('w/y', 'x\n'),
      change('new.txt', 'new\n'),
      change('empty', ''),
      change('binary', Buffer.from([0, 1, 2])),
      change('old.txt', null),
    ])
    const options = ['--binary', '-M', `--src-prefix=${old}`, `--dst-prefix=${next}`]
    const [text = Buffer.alloc(0)] = gitPatches(fixture, project, [[project.tree, to]], options)
    expect((await apply(text.toString())).tree).toBe(to)
  })

  test('that git would not write for both sides are names', async () => {
    const text = '--- w/x\n+++ w/x\n@@ -1 +1 @@\n-x\n+y\n--- /dev/null\n+++ i/new\n@@ -0,0 +1 @@\n+x\n'
    const files = await project.files((await apply(text)).tree)
    expect(files).toMatchObject({ 'w/x': 'y\n', 'i/new': 'x\n' })
  })

  test('are the same in all of a patch', async () => {
    const mixed = `${patch}${other.replaceAll('a/old', 'i/old').replace('b/old', 'w/old')}`
    await expect(apply(mixed)).rejects.toMatchObject({ name: 'PatchRejectedError' })
  })
})

test('what diff -ruN writes is applied, with new, removed and changed files in any time zone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-diff-'))
  try {
    const after = {
      'a.txt': 'one\n2\nthree',
      'w/x': 'x\n',
      'notes.md': before['notes.md'],
      'sub/say "hi" ü.txt': 'new\n',
    }
    for (const [side, files] of Object.entries({ a: before, b: after })) {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(directory, side, path)), { recursive: true })
        await writeFile(join(directory, side, path), content)
      }
    }
    for (const zone of ['UTC', 'Asia/Kolkata', 'America/New_York']) {
      const text = diff(directory, zone)
      expect(text).toMatch(zone === 'America/New_York' ? '1969-12-31 19:00:00' : '1970-01-01')
      const applied = await apply(text)
      expect(await project.files(applied.tree)).toEqual(after)
      expect((await apply(applied.content)).tree).toBe(applied.tree)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

/** `diff` ends with 1 when there are differences. */
function diff(directory: string, zone: string): string {
  try {
    execFileSync('/usr/bin/diff', ['-ruN', 'a', 'b'], { cwd: directory, env: { PATH: process.env.PATH, TZ: zone } })
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout)
  }
  throw new Error('diff found no difference')
}

test('an offset is taken for what has one place, and never for a hunk that says it begins the file', async () => {
  const lines = Array.from({ length: 9 }, (_, index) => `line ${index}\n`).join('')
  const long = await fixture.project({ 'f.txt': `top\n${lines}` })
  const hunk = (start: number) =>
    `--- a/f.txt\n+++ b/f.txt\n@@ -${start},3 +${start},3 @@\n line 4\n-line 5\n+5\n line 6\n`
  const applied = await fixture.store.applyPatch(long.id, long.tree, hunk(3))
  expect((await long.files(applied.tree))['f.txt']).toContain('line 4\n5\nline 6\n')
  await expect(fixture.store.applyPatch(long.id, long.tree, hunk(1))).rejects.toMatchObject({
    reason: 'DOES_NOT_APPLY',
    path: 'f.txt',
    hunk: 1,
    details: expect.stringContaining('error: patch failed: f.txt:1'),
  })
})

test('line numbers that lead git and us to different places are refused', async () => {
  const same = await fixture.project({ 'f.txt': 'same\n'.repeat(40) })
  const text = '--- a/f.txt\n+++ b/f.txt\n@@ -5,4 +20,5 @@\n same\n same\n+new\n same\n same\n'
  await expect(fixture.store.applyPatch(same.id, same.tree, text)).rejects.toMatchObject({ reason: 'DOES_NOT_APPLY' })
})

describe('attributes', () => {
  const hostile = [
    '* text eol=crlf working-tree-encoding=UTF-16 ident filter=evil -diff merge=union',
    '*.txt diff=evil binary export-ignore whitespace=fix',
    '',
  ].join('\n')
  const text = '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n $Id$\n-two \n+2 \n three\n'
  const files = { 'a.txt': '$Id$\ntwo \nthree\n', 'crlf.txt': 'one\r\n' }

  test('in the repository, below a directory or in the patch change nothing of what is applied, shown or stored', async () => {
    const { store } = fixture
    const plain = await fixture.project(files)
    const expected = await store.applyPatch(plain.id, plain.tree, text)
    const [shown] = await store.changedFiles(plain.id, plain.tree, expected.tree)

    const attributed = await fixture.project({ ...files, '.gitattributes': hostile, 'sub/.gitattributes': hostile })
    const applied = await store.applyPatch(attributed.id, attributed.tree, text)
    expect(applied.content).toBe(expected.content)
    expect(await store.changedFiles(attributed.id, attributed.tree, applied.tree)).toEqual([shown])
    expect(await store.patchBetween(attributed.id, attributed.tree, applied.tree)).toBe(
      await store.patchBetween(plain.id, plain.tree, expected.tree),
    )

    const added = hostile.split('\n').slice(0, -1)
    const attributes = `--- /dev/null\n+++ b/.gitattributes\n@@ -0,0 +1,2 @@\n${added.map((line) => `+${line}\n`).join('')}`
    const both = await store.applyPatch(plain.id, plain.tree, attributes + text)
    expect(await plain.files(both.tree)).toEqual({
      '.gitattributes': hostile,
      'a.txt': '$Id$\n2 \nthree\n',
      'crlf.txt': 'one\r\n',
    })
    const changed = await store.changedFiles(plain.id, plain.tree, both.tree)
    expect(changed.map(({ path }) => path)).toEqual(['.gitattributes', 'a.txt'])
    expect(changed[1]).toEqual(shown)
  })

  test('are told to a reviewer by name, however the name is written', () => {
    for (const path of ['.gitattributes', 'sub/.gitattributes', '.GitAttributes']) {
      expect(decisionOf(path)).toContain('it decides how git treats files')
    }
  })

  test('are looked for in the empty tree by a git that reads them from bare repositories', async () => {
    expect((await project.git('hash-object', '-t', 'tree', '/dev/null')).trim()).toBe(attributeTree())
  })

  function attributeTree(): string | undefined {
    const environment = gitEnvironment({ home: '/', searchPath: '' })
    const number = Object.entries(environment)
      .find(([, value]) => value === 'attr.tree')?.[0]
      .match(/\d+$/)?.[0]
    return environment[`GIT_CONFIG_VALUE_${number}`]
  }
})

test('what a patch inflates to is bounded as a whole', async () => {
  const zeros = Buffer.alloc(20 * 1024 * 1024)
  const to = await fixture.store.changeTree(project.id, project.tree, [change('zeros.bin', zeros)])
  const one = await fixture.store.patchBetween(project.id, project.tree, to)
  const many = Array.from({ length: 12 }, (_, index) => one.replaceAll('zeros.bin', `zeros-${index}.bin`)).join('')
  expect(many.length).toBeLessThan(5 * 1024 * 1024)
  await expect(apply(many)).rejects.toMatchObject({ name: 'PatchRejectedError', reason: 'TOO_LARGE' })
})
