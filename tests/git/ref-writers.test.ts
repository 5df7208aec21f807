import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRefWriters } from '../../src/adapters/git/ref-writers.ts'
import { author, openStore, type Project, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture
beforeAll(async () => {
  fixture = await openStore()
})
afterAll(() => fixture[Symbol.asyncDispose]())

/** Commits on the project's head, none of them on a branch. */
const children = (project: Project, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      fixture.store.writeCommit(project.id, {
        tree: project.tree,
        parents: [project.head],
        message: `Child ${index}\n`,
        author,
        committer: author,
      }),
    ),
  )

const writersStarted = () => fixture.spawns.filter((argv) => argv.includes('update-ref') && argv.includes('--stdin'))

test('a hundred references are kept by one process', async () => {
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const before = writersStarted().length
  const ids = Array.from({ length: 100 }, () => randomUUID())
  await Promise.all(ids.map((id) => fixture.store.keep(project.id, 'candidates', id, project.head)))
  expect(writersStarted().length - before).toBe(1)
  const kept = await fixture.store.keptRefs(project.id)
  expect(kept.map(({ id }) => id).sort()).toEqual(ids.sort())
})

test('of fifty moves from the same commit at once exactly one takes place', async () => {
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const commits = await children(project, 50)
  const moved = await Promise.all(commits.map((to) => fixture.store.moveBranch(project.id, 'main', project.head, to)))
  expect(moved.filter(Boolean)).toHaveLength(1)
  expect(await fixture.store.branchHead(project.id, 'main')).toBe(commits[moved.indexOf(true)])
})

test('a move that git refuses is told, and the next one takes place', async () => {
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const [first = '', second = ''] = await children(project, 2)
  expect(await fixture.store.moveBranch(project.id, 'main', first, second)).toBe(false)
  await expect(fixture.store.moveBranch(project.id, 'main', project.head, 'f'.repeat(40))).rejects.toThrow(/update-ref/)
  expect(await fixture.store.moveBranch(project.id, 'main', project.head, first)).toBe(true)
  expect(await fixture.store.branchHead(project.id, 'main')).toBe(first)
})

test('a writer is ended when it is idle, and for one that is needed more when too many are open', async () => {
  const projects = await Promise.all([1, 2, 3].map(() => fixture.project({ 'a.txt': 'a\n' })))
  const started: string[] = []
  const options = {
    home: fixture.directory,
    searchPath: '/usr/local/bin:/usr/bin:/bin',
    timeoutMs: 10_000,
    onSpawn: (argv: readonly string[]) => started.push(argv[0] ?? ''),
  }
  const writers = createRefWriters(options, { idleMs: 60_000, open: 2 })
  const keep = async (index: number) => {
    const project = projects[index]
    if (!project) throw new Error('no project')
    const ref = `refs/countersign/diffs/${randomUUID()}`
    expect(await writers.move(fixture.store.directory(project.id), ref, project.head, null)).toBe(true)
  }
  try {
    for (const index of [0, 1, 0, 2, 0]) await keep(index)
    expect(started).toHaveLength(3)
    await keep(1)
    expect(started).toHaveLength(4)
    await writers.drop(fixture.store.directory(projects[1]?.id ?? ''))
    await keep(1)
    expect(started).toHaveLength(5)
  } finally {
    await writers.dropAll()
  }
})
