import { afterAll, beforeAll, expect, test } from 'vitest'
import { createObjectReaders } from '../../src/adapters/git/object-readers.ts'
import { openStore, type Project, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture
let projects: Project[]

beforeAll(async () => {
  fixture = await openStore()
  projects = await Promise.all(
    [1, 2, 3].map((number) => fixture.project({ 'a.txt': `${number}\n`, 'big.bin': Buffer.alloc(300_000, number) })),
  )
})
afterAll(() => fixture[Symbol.asyncDispose]())

test('no more readers stay open than the limit, the longest unused goes first', async () => {
  const spawns: string[] = []
  const options = {
    home: fixture.directory,
    searchPath: '/usr/local/bin:/usr/bin:/bin',
    timeoutMs: 10_000,
    onSpawn: (argv: readonly string[]) => spawns.push(argv[0] ?? ''),
  }
  const readers = createObjectReaders(options, { idleMs: 60_000, open: 2 })
  const read = async (index: number) => {
    const project = projects[index]
    if (!project) throw new Error('no project')
    const object = await readers.contents(fixture.store.directory(project.id), project.head)
    expect(object).toMatchObject({ id: project.head, kind: 'commit' })
  }
  try {
    for (const index of [0, 1, 0, 2]) await read(index)
    expect(spawns).toHaveLength(3)
    await read(0)
    expect(spawns).toHaveLength(3)
    await read(1)
    expect(spawns).toHaveLength(4)
  } finally {
    await readers.dropAll()
  }
})

test('many questions at a time get each its own answer', async () => {
  const [project] = projects
  if (!project) throw new Error('no project')
  const { store } = fixture
  const [small, big] = await store.listFiles(project.id, project.tree)
  const asked = Array.from({ length: 40 }, (_, index) =>
    index % 3 === 0 ? 'f'.repeat(40) : index % 3 === 1 ? small : big,
  )
  const answers = await Promise.all(
    asked.map((each) => store.readBlob(project.id, typeof each === 'string' ? each : (each?.objectId ?? ''))),
  )
  expect(answers.map((answer) => answer?.length ?? null)).toEqual(
    asked.map((each) => (typeof each === 'string' ? null : each?.size)),
  )
})
