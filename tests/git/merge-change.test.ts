import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { author, change, openStore, type Project, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture
beforeAll(async () => {
  fixture = await openStore()
})
afterAll(() => fixture[Symbol.asyncDispose]())

type Contents = Readonly<Record<string, string | Buffer | null>>

const treeWith = (project: Project, tree: string, files: Contents): Promise<string> =>
  fixture.store.changeTree(
    project.id,
    tree,
    Object.entries(files).map(([path, content]) => change(path, content)),
  )

const commitOn = async (project: Project, parent: string, tree: string): Promise<string> =>
  fixture.store.writeCommit(project.id, { tree, parents: [parent], message: 'More\n', author, committer: author })

const lines = (others: Readonly<Record<number, string>> = {}, mark = 'line'): string =>
  Array.from({ length: 20 }, (_, index) => `${others[index + 1] ?? `${mark} ${index + 1}`}\n`).join('')

interface Case {
  readonly base: Readonly<Record<string, string | Buffer>>
  readonly ours: Contents
  readonly theirs: Contents
  /** The files of the merge, or the paths in conflict. */
  readonly gives: Readonly<Record<string, string>> | readonly string[]
}

const cases: Record<string, Case> = {
  'two places of one file': {
    base: { a: lines() },
    ours: { a: lines({ 2: 'two' }) },
    theirs: { a: lines({ 18: 'eighteen' }) },
    gives: { a: lines({ 2: 'two', 18: 'eighteen' }) },
  },
  'one place of one file': {
    base: { a: lines(), b: 'b\n' },
    ours: { a: lines({ 2: 'two' }), b: 'x\n' },
    theirs: { a: lines({ 2: 'deux' }), b: 'y\n' },
    gives: ['a', 'b'],
  },
  'the same change on both sides': {
    base: { a: lines() },
    ours: { a: lines({ 2: 'two' }) },
    theirs: { a: lines({ 2: 'two' }) },
    gives: { a: lines({ 2: 'two' }) },
  },
  'a change of a file that the branch has renamed': {
    base: { a: lines() },
    ours: { a: null, 'moved/a': lines() },
    theirs: { a: lines({ 3: 'three' }) },
    gives: { 'moved/a': lines({ 3: 'three' }) },
  },
  'a change of a file that the branch has removed': {
    base: { a: lines(), b: 'b\n' },
    ours: { a: null },
    theirs: { a: lines({ 3: 'three' }) },
    gives: ['a'],
  },
  'a new file in a directory that the branch has renamed': {
    base: { 'src/a': lines(), 'src/b': lines({}, 'other') },
    ours: { 'src/a': null, 'src/b': null, 'lib/a': lines(), 'lib/b': lines({}, 'other') },
    theirs: { 'src/new': 'new\n' },
    gives: { 'lib/a': lines(), 'lib/b': lines({}, 'other'), 'src/new': 'new\n' },
  },
  'the same new file with other contents': {
    base: { a: 'a\n' },
    ours: { 'new "ä': 'ours\n' },
    theirs: { 'new "ä': 'theirs\n' },
    gives: ['new "ä'],
  },
  'a file and a directory of one name': {
    base: { a: 'a\n' },
    ours: { thing: 'a file\n' },
    theirs: { 'thing/inner': 'in a directory\n' },
    gives: ['thing'],
  },
  'binary files': {
    base: { a: Buffer.from([0, 1]) },
    ours: { a: Buffer.from([0, 2]) },
    theirs: { a: Buffer.from([0, 3]) },
    gives: ['a'],
  },
  'attributes that would join both sides': {
    base: { '.gitattributes': '* merge=union\n', a: 'a\n' },
    ours: { a: 'b\n' },
    theirs: { a: 'c\n' },
    gives: ['a'],
  },
  'attributes that would make no text of it': {
    base: { '.gitattributes': '* -text -merge binary eol=crlf\n', a: lines() },
    ours: { a: lines({ 2: 'two' }) },
    theirs: { a: lines({ 18: 'eighteen' }) },
    gives: { '.gitattributes': '* -text -merge binary eol=crlf\n', a: lines({ 2: 'two', 18: 'eighteen' }) },
  },
  'line ends of two kinds': {
    base: { a: lines() },
    ours: { a: lines().replaceAll('\n', '\r\n') },
    theirs: { a: lines({ 2: 'two' }) },
    gives: ['a'],
  },
}

describe.concurrent('a merge of', () => {
  it.each(Object.entries(cases))('%s', async (_, { base, ours, theirs, gives }) => {
    const project = await fixture.project(base)
    const head = await commitOn(project, project.head, await treeWith(project, project.tree, ours))
    const tree = await treeWith(project, project.tree, theirs)
    const merged = await fixture.store.mergeChange(project.id, { base: project.head, tree }, head)
    if (Array.isArray(gives)) expect(merged.conflicts.map((path) => path.replace(/~.*/, ''))).toEqual(gives)
    if (Array.isArray(gives)) expect(merged.tree).toBeNull()
    else expect(await project.files(merged.tree ?? '')).toEqual(gives)
  })
})

describe.concurrent('a merge', () => {
  it('moves no reference, and fsck finds nothing', async () => {
    const project = await fixture.project({ a: lines() })
    const refs = await project.git('for-each-ref')
    const tree = await treeWith(project, project.tree, { a: lines({ 2: 'two' }) })
    const head = await commitOn(project, project.head, await treeWith(project, project.tree, { b: 'b\n' }))
    expect((await fixture.store.mergeChange(project.id, { base: project.head, tree }, head)).tree).not.toBeNull()
    expect(await project.git('for-each-ref')).toBe(refs)
    expect(await project.git('fsck', '--strict', '--no-dangling')).toBe('')
  })

  it('with a branch that was set back has the change alone, not what the branch has lost', async () => {
    const project = await fixture.project({ a: lines() })
    const lost = await treeWith(project, project.tree, { 'lost.txt': 'lost\n' })
    const base = await commitOn(project, project.head, lost)
    const tree = await treeWith(project, lost, { a: lines({ 2: 'two' }) })
    const merged = await fixture.store.mergeChange(project.id, { base, tree }, project.head)
    expect(await project.files(merged.tree ?? '')).toEqual({ a: lines({ 2: 'two' }) })
  })

  it("asks nothing of the repository's own configuration", async () => {
    const project = await fixture.project({ a: 'a\n' })
    const directory = (await project.git('rev-parse', '--absolute-git-dir')).trim()
    await project.git('config', 'merge.renames', 'false')
    await project.git('config', 'merge.directoryRenames', 'true')
    await project.git('config', 'merge.evil.driver', `touch ${join(directory, 'ran')}`)
    await project.git('config', 'merge.default', 'evil')
    const ours = await commitOn(project, project.head, await treeWith(project, project.tree, { a: 'b\n' }))
    const tree = await treeWith(project, project.tree, { a: 'c\n' })
    const merged = await fixture.store.mergeChange(project.id, { base: project.head, tree }, ours)
    expect(merged).toEqual({ tree: null, conflicts: ['a'] })
    expect(existsSync(join(directory, 'ran'))).toBe(false)
  })

  it('works on SHA-256 too', async () => {
    const project = await fixture.project({ a: lines() }, 'SHA256')
    const tree = await treeWith(project, project.tree, { a: lines({ 2: 'two' }) })
    const head = await commitOn(project, project.head, await treeWith(project, project.tree, { b: 'b\n' }))
    const merged = await fixture.store.mergeChange(project.id, { base: project.head, tree }, head)
    expect(await project.files(merged.tree ?? '')).toEqual({ a: lines({ 2: 'two' }), b: 'b\n' })
  })

  it('of a commit that there is none of is a fault, not an empty merge', async () => {
    const project = await fixture.project({ a: 'a\n' })
    const missing = 'f'.repeat(40)
    const change = { base: missing, tree: project.tree }
    await expect(fixture.store.mergeChange(project.id, change, project.head)).rejects.toThrow(missing)
  })
})
