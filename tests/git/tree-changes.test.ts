import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { change, openStore, type Project, type StoreFixture, withLink } from './store-fixture.ts'

let fixture: StoreFixture
let project: Project
const bounds = { files: 100, bytes: 1_000_000 }

beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project({
    'a.txt': 'one\n',
    'run.sh': 'run\n',
    'dir/b.txt': 'two\n',
    'dir/sub/c.txt': 'three\n',
    'gone/x/y.txt': 'y\n',
    becomes: 'a directory\n',
  })
})
afterAll(() => fixture[Symbol.asyncDispose]())

const between = (to: string, most = bounds) => fixture.store.treeChanges(project.id, project.tree, to, most)

test('what differs is said file by file, and a directory that went as one', async () => {
  const tree = await fixture.store.changeTree(project.id, project.tree, [
    change('a.txt', 'changed\n'),
    change('run.sh', 'run\n', '100755'),
    change('dir/sub/new.bin', '\u0000'),
    change('gone/x/y.txt', null),
    change('becomes', null),
  ])
  const further = await fixture.store.changeTree(project.id, tree, [change('becomes/a', 'a\n')])
  const found = await between(further)
  expect(
    found?.map(({ path, content, isExecutable }) => [path, content?.toString() ?? null, isExecutable]).toSorted(),
  ).toEqual([
    ['a.txt', 'changed\n', false],
    ['becomes', null, false],
    ['becomes/a', 'a\n', false],
    ['dir/sub/new.bin', '\u0000', false],
    ['gone', null, false],
    ['run.sh', 'run\n', true],
  ])
  expect(await between(project.tree)).toEqual([])
})

test('trees that are too far apart are not compared to the end', async () => {
  const many = Array.from({ length: 12 }, (_, index) => change(`many/${index}`, `${index}`))
  const tree = await fixture.store.changeTree(project.id, project.tree, many)
  expect(await between(tree, { ...bounds, files: 11 })).toBeNull()
  expect(await between(tree, { ...bounds, files: 12 })).toHaveLength(12)
  expect(await between(tree, { ...bounds, bytes: 13 })).toBeNull()
  expect(await between(tree, { ...bounds, bytes: 14 })).toHaveLength(12)
})

test('a new link is not said in plain files; one that was there before, or went, is no hindrance', async () => {
  const linked = await withLink(project, project.tree, 'link', 'a.txt')
  expect(await between(linked)).toBeNull()
  const changed = await fixture.store.changeTree(project.id, linked, [change('a.txt', 'x')])
  expect(await fixture.store.treeChanges(project.id, linked, changed, bounds)).toHaveLength(1)
  expect(await fixture.store.treeChanges(project.id, linked, project.tree, bounds)).toEqual([
    { path: 'link', content: null, isExecutable: false },
  ])
})

test('the one tree’s files with the changes are the other’s', async () => {
  const tree = await fixture.store.changeTree(project.id, project.tree, [
    change('dir/b.txt', null),
    change('dir/sub/c.txt', 'other\n'),
    change('new/place/d.txt', 'd\n'),
  ])
  const changes = await between(tree)
  const target = await mkdtemp(join(fixture.directory, 'out-'))
  await fixture.store.materialize(project.id, tree, target)
  const expected = await project.files(tree)
  const files: Record<string, string> = { ...(await project.files(project.tree)) }
  for (const { path, content } of changes ?? []) {
    for (const name of Object.keys(files)) if (name === path || name.startsWith(`${path}/`)) delete files[name]
    if (content !== null) files[path] = content.toString()
  }
  expect(files).toEqual(expected)
})
