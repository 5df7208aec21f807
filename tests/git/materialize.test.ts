import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { change, gitWithInput, openStore, type Project, type StoreFixture, withLink } from './store-fixture.ts'

let fixture: StoreFixture
let project: Project

beforeAll(async () => {
  fixture = await openStore()
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`many/${index % 10}/${index}.txt`, `${index}\n`]),
  )
  project = await fixture.project({ 'a.txt': 'one\n', '.gitattributes': '* text eol=crlf\n', ...many })
})
afterAll(() => fixture[Symbol.asyncDispose]())

function emptyDirectory(): Promise<string> {
  return mkdtemp(join(fixture.directory, 'out-'))
}

test('files are written as they are stored, with their modes and without .git', async () => {
  const tree = await fixture.store.changeTree(project.id, project.tree, [change('run.sh', 'run\n', '100755')])
  const directory = await emptyDirectory()
  const old = process.umask(0o077)
  try {
    await fixture.store.materialize(project.id, tree, directory)
  } finally {
    process.umask(old)
  }
  expect((await readdir(directory)).toSorted()).toEqual(['.gitattributes', 'a.txt', 'many', 'run.sh'])
  expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('one\n')
  expect(await readFile(join(directory, 'many/7/297.txt'), 'utf8')).toBe('297\n')
  expect((await lstat(join(directory, 'run.sh'))).mode & 0o777).toBe(0o755)
  expect((await lstat(join(directory, 'a.txt'))).mode & 0o777).toBe(0o644)
})

test.each([
  ['a.txt', true],
  ['many/1', true],
  ['./many/./2/', true],
  ['.', true],
  ['missing', true],
  ['/etc/passwd', false],
  ['../x', false],
  ['many/../../x', false],
  ['many/../a.txt', false],
])('a link to %s is made: %s', async (target, made) => {
  const tree = await withLink(project, project.tree, 'link', target)
  const directory = await emptyDirectory()
  await fixture.store.materialize(project.id, tree, directory)
  expect((await readdir(directory)).includes('link')).toBe(made)
  if (made) expect(await readlink(join(directory, 'link'))).toBe(target)
})

test('a link in a directory may climb as far as the root', async () => {
  const inner = await withLink(project, await fixture.store.treeOf(project.id, project.tree), 'unused', 'x')
  const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], '../a.txt')).trim()
  const out = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], '../../a.txt')).trim()
  const sub = (await gitWithInput(project, ['mktree'], `120000 blob ${blob}\tin\n120000 blob ${out}\tout\n`)).trim()
  const listing = await project.git('ls-tree', inner)
  const tree = (await gitWithInput(project, ['mktree'], `${listing}040000 tree ${sub}\tsub\n`)).trim()
  const directory = await emptyDirectory()
  await fixture.store.materialize(project.id, tree, directory)
  expect(await readFile(join(directory, 'sub/in'), 'utf8')).toBe('one\n')
  expect(await readdir(join(directory, 'sub'))).toEqual(['in'])
})

test('a tree with a .git in it, or a directory with a file in it, is refused', async () => {
  const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], 'x')).trim()
  const raw = Buffer.concat([Buffer.from('100644 .GIT\0', 'latin1'), Buffer.from(blob, 'hex')])
  const evil = (await gitWithInput(project, ['hash-object', '-w', '--literally', '-t', 'tree', '--stdin'], raw)).trim()
  await expect(fixture.store.materialize(project.id, evil, await emptyDirectory())).rejects.toThrow('.GIT')
  const full = await emptyDirectory()
  await mkdir(join(full, 'sub'))
  await writeFile(join(full, 'x'), '')
  await expect(fixture.store.materialize(project.id, project.tree, full)).rejects.toThrow('empty')
})
