import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { gitWithInput, openStore, type Project, type StoreFixture } from '../git/store-fixture.ts'

let fixture: StoreFixture
beforeAll(async () => {
  fixture = await openStore()
})
afterAll(() => fixture[Symbol.asyncDispose]())

const at = new Date('2024-05-01T10:00:00Z')
const add = (project: Project, commit: string, text: string) =>
  fixture.store.addNote(project.id, commit, Buffer.from(text), at)
const read = async (project: Project, ...commits: string[]) => {
  const source = await fixture.store.evidenceSource(project.id)
  return (await source.notes(commits)).map((note) => note?.content?.toString('utf8') ?? null)
}
const shownByGit = (project: Project, commit: string) => project.git('notes', '--ref=countersign', 'show', commit)

/** Ids as commits have them; nothing is there. */
const idOf = (index: number | string): string => createHash('sha1').update(String(index)).digest('hex')

/** Notes as another tool may have written them: all in one directory. */
const flatNotes = async (project: Project, count: number): Promise<string[]> => {
  const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], 'theirs')).trim()
  const ids = Array.from({ length: count }, (_, index) => idOf(`flat ${index}`))
  const tree = await gitWithInput(project, ['mktree'], ids.map((id) => `100644 blob ${blob}\t${id}\n`).join(''))
  const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  const oid = await project.git(...identity, 'commit-tree', '-m', 'flat', tree.trim())
  await project.git('update-ref', 'refs/notes/countersign', oid.trim())
  return ids
}

const bytesAt = async (project: Project): Promise<number> => {
  const listed = await project.git('count-objects', '-v')
  return Number(/^size: (\d+)/m.exec(listed)?.[1])
}

describe('a note', () => {
  it('is shown by git as it was written, in either object format', async () => {
    for (const format of ['SHA1', 'SHA256'] as const) {
      const project = await fixture.project({ 'a.txt': 'a' }, format)
      await add(project, project.head, 'evidence\n')
      expect(await shownByGit(project, project.head)).toBe('evidence\n')
      expect(await read(project, project.head)).toEqual(['evidence\n'])
      expect(await project.git('log', '-1', '--format=%an %at', 'refs/notes/countersign')).toBe(
        `Countersign ${at.getTime() / 1000}\n`,
      )
      expect(await project.git('fsck', '--strict')).toBe('')
    }
  })

  it('that is there already is not written again; another one takes its place', async () => {
    const project = await fixture.project({ 'a.txt': 'a' })
    await add(project, project.head, 'first\n')
    const before = await project.git('rev-parse', 'refs/notes/countersign')
    await add(project, project.head, 'first\n')
    expect(await project.git('rev-parse', 'refs/notes/countersign')).toBe(before)
    await add(project, project.head, 'second\n')
    expect(await shownByGit(project, project.head)).toBe('second\n')
    expect(await project.git('rev-parse', 'refs/notes/countersign^')).toBe(before)
  })

  it('is none where nobody wrote one', async () => {
    const project = await fixture.project({ 'a.txt': 'a' })
    expect(await read(project, project.head)).toEqual([null])
    await add(project, idOf('another'), 'note\n')
    expect(await read(project, project.head, idOf('another'))).toEqual([null, 'note\n'])
  })

  it('larger than any that is written here is told by its size alone', async () => {
    const project = await fixture.project({ 'a.txt': 'a' })
    const large = 5 * 1024 * 1024
    await expect(add(project, project.head, 'x'.repeat(large))).rejects.toThrow(RangeError)
    const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], 'x'.repeat(large))).trim()
    const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
    await project.git(...identity, 'notes', '--ref=countersign', 'add', '-C', blob, project.head)
    const source = await fixture.store.evidenceSource(project.id)
    expect(await source.notes([project.head])).toEqual([{ size: large, content: null }])
  })
})

describe('many notes', () => {
  it('of any ids in any order are what was written last, also to git and after it wrote some itself', async () => {
    const below = randomNumbers(7)
    const project = await fixture.project({ 'a.txt': 'a' })
    const flat = await flatNotes(project, 250)
    const expected = new Map(flat.map((id) => [id, 'theirs']))
    for (let time = 0; time < 30; time += 1) {
      const id = (below(10) < 3 ? flat[below(flat.length)] : undefined) ?? idOf(below(40))
      await add(project, id, `note ${time}\n`)
      expected.set(id, `note ${time}\n`)
    }
    const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
    await project.git(...identity, 'notes', '--ref=countersign', 'add', '-m', 'by git', project.head)
    expected.set(project.head, 'by git\n')
    await add(project, idOf('last'), 'last\n')
    expected.set(idOf('last'), 'last\n')
    const ids = [...expected.keys()]
    expect(await read(project, ...ids)).toEqual([...expected.values()])
    const listed = await project.git('notes', '--ref=countersign', 'list')
    expect(
      listed
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[1])
        .toSorted(),
    ).toEqual(ids.toSorted())
    expect(await project.git('fsck', '--strict')).toBe('')
  })

  it('make one more no dearer: what is written for it does not grow with them', async () => {
    const project = await fixture.project({ 'a.txt': 'a' })
    await flatNotes(project, 5_000)
    // The first one gives those that are there to directories.
    await add(project, idOf('first'), 'first\n')
    const before = await bytesAt(project)
    const written = 10
    for (let time = 0; time < written; time += 1) await add(project, idOf(`more ${time}`), 'more\n')
    // In KiB on the disk: a blob, a commit, a directory of twenty and one of 256 directories, a block or two each.
    expect((await bytesAt(project)) - before).toBeLessThan(written * 40)
    expect(await read(project, idOf('first'), idOf('flat 4999'), idOf('more 9'))).toEqual([
      'first\n',
      'theirs',
      'more\n',
    ])
  })
})

describe('writers at once', () => {
  it('of four processes, five at a time in each, lose none of twenty notes', async () => {
    const project = await fixture.project({ 'a.txt': 'a' })
    const script = fileURLToPath(new URL('note-writer-process.ts', import.meta.url))
    const all = Array.from({ length: 20 }, (_, index) => idOf(`at once ${index}`))
    const writers = [0, 5, 10, 15].map((from) => {
      const options = {
        root: join(fixture.directory, 'repositories'),
        scratch: join(fixture.directory, `scratch-${from}`),
        project: project.id,
        commits: all.slice(from, from + 5),
      }
      return spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] })
    })
    await Promise.all(writers.map((writer) => once(writer.stdout, 'data')))
    for (const writer of writers) writer.stdin.write('go\n')
    const codes = await Promise.all(writers.map(async (writer) => (await once(writer, 'exit'))[0]))
    expect(codes).toEqual([0, 0, 0, 0])
    expect(await read(project, ...all)).toEqual(all.map((id) => `note of ${id}\n`))
    expect((await project.git('rev-list', '--count', 'refs/notes/countersign')).trim()).toBe('20')
    expect(await project.git('fsck', '--strict', '--no-dangling')).toBe('')
  })
})
