import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultSearchPath } from '../../src/adapters/git/git-environment.ts'
import { RepositoryBusyError } from '../../src/adapters/git/run-git.ts'
import { findProgram } from '../../src/adapters/sandbox/find-program.ts'
import type { PackOptions } from '../../src/domain/ports/repository-care.ts'
import { addsFile } from '../factories/pipeline.ts'
import { author, change, gitWithInput, openStore, type Project, type StoreFixture } from '../git/store-fixture.ts'
import { countedObjects, makeOlder } from './old-repository.ts'

const hour = 3_600_000
const day = 24 * hour

let fixture: StoreFixture
beforeAll(async () => {
  fixture = await openStore()
})
afterAll(() => fixture[Symbol.asyncDispose]())

const options = (): PackOptions => ({
  expireBefore: new Date(Date.now() - day),
  timeoutMs: 60_000,
  signal: new AbortController().signal,
})

const count = async (project: Project) => countedObjects(await project.git('count-objects', '-v'))
const has = (project: Project, id: string) =>
  project.git('cat-file', '-e', id).then(
    () => true,
    () => false,
  )
const keep = async (project: Project, tree: string) => {
  const { store } = fixture
  const commit = await store.writeCommit(project.id, {
    tree,
    parents: [project.head],
    message: 'Kept',
    author,
    committer: author,
  })
  await store.keep(project.id, 'diffs', randomUUID(), commit)
  return commit
}
const objects = (project: Project) => join(fixture.store.directory(project.id), 'objects')

it.each(['SHA1', 'SHA256'] as const)('packs what is reached and removes what nothing reaches (%s)', async (format) => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n', 'in/b.txt': 'b\n' }, format)
  const kept = await store.changeTree(project.id, project.tree, [change('in/b.txt', 'kept\n')])
  await keep(project, kept)
  const abandoned = await store.changeTree(project.id, project.tree, [change('in/b.txt', 'abandoned\n')])
  await makeOlder(objects(project), 2 * day)
  const young = await store.changeTree(project.id, project.tree, [change('in/b.txt', 'young\n')])
  await store.pack(project.id, options())
  expect(await has(project, abandoned)).toBe(false)
  expect(await project.files(kept)).toEqual({ 'a.txt': 'a\n', 'in/b.txt': 'kept\n' })
  expect(await project.files(young)).toEqual({ 'a.txt': 'a\n', 'in/b.txt': 'young\n' })
  expect((await count(project)).loose).toBe(0)
  expect(await project.git('fsck', '--full', '--strict')).not.toMatch(/missing|broken/)
  expect(await store.branchHead(project.id, 'main')).toBe(project.head)
})

it('what is let go of goes a day after it was first found unreached, however old it is', async () => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const tree = await store.changeTree(project.id, project.tree, [change('a.txt', 'let go\n')])
  await keep(project, tree)
  await store.pack(project.id, options())
  await makeOlder(objects(project), 30 * day)
  const [ref] = await store.keptRefs(project.id)
  await store.releaseRefs(project.id, ref ? [ref] : [])
  await store.pack(project.id, options())
  expect(await has(project, tree)).toBe(true)
  // An hour and a half later somebody has made the same change again, an hour after it was found: it is kept.
  const again = await store.changeTree(project.id, project.tree, [change('a.txt', 'let go\n')])
  expect(again).toBe(tree)
  await makeOlder(objects(project), -hour)
  const later = (hours: number) => ({ ...options(), expireBefore: new Date(Date.now() + hours * hour) })
  await store.pack(project.id, later(0.5))
  expect(await project.files(tree)).toEqual({ 'a.txt': 'let go\n' })
  await store.pack(project.id, later(1.5))
  expect(await has(project, tree)).toBe(false)
  expect(await project.files(project.tree)).toEqual({ 'a.txt': 'a\n' })
})

it('a reader that is open goes on reading through a repack, old objects and new ones', async () => {
  const { store } = fixture
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`d${index}/f.txt`, `${index}\n`]))
  const project = await fixture.project(files)
  const loose = await store.changeTree(project.id, project.tree, [change('d1/f.txt', 'kept\n')])
  await keep(project, loose)
  const readers = () =>
    fixture.spawns.filter((argv) => argv.includes('cat-file') && argv[0]?.includes(project.id)).length
  expect(await store.readFile(project.id, project.tree, 'd0/f.txt')).not.toBeNull()
  const opened = readers()
  for (let round = 0; round < 3; round++) {
    await store.pack(project.id, options())
    expect(await project.files(project.tree)).toEqual(files)
    expect(await project.files(loose)).toEqual({ ...files, 'd1/f.txt': 'kept\n' })
    const fresh = await store.changeTree(project.id, loose, [change('d2/f.txt', `${round}\n`)])
    expect((await store.readFile(project.id, fresh, 'd2/f.txt'))?.content.toString()).toBe(`${round}\n`)
  }
  expect(readers()).toBe(opened)
})

it('patches are applied while the repository is packed over and over, and none is lost', async () => {
  const { store } = fixture
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`d${index % 7}/f${index}.txt`, `${index}\n`]),
  )
  const project = await fixture.project(files)
  let working = true
  const pack = async () => {
    // Everything that nothing reaches yet is old enough from two minutes ago on, so the guard is what is tested.
    while (working) await store.pack(project.id, { ...options(), expireBefore: new Date(Date.now() - 120_000) })
  }
  const kept: string[] = []
  const propose = async (worker: number) => {
    for (let round = 0; round < 8; round++) {
      const path = `d${worker}/f${worker}.txt`
      const patch = `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${worker}\n+${worker} ${round}\n`
      const { tree } = await store.applyPatch(project.id, project.tree, patch)
      kept.push(await keep(project, tree))
    }
  }
  const packing = pack()
  await Promise.all([0, 1, 2].map(propose)).finally(() => {
    working = false
    return packing
  })
  expect(kept).toHaveLength(24)
  expect(await store.keptRefs(project.id)).toHaveLength(24)
  expect(await store.verify(project.id, options().signal)).toEqual([])
  for (const commit of kept) expect(await store.commitInfo(project.id, commit)).not.toBeNull()
})

it.each(['loose', 'a pack each', 'in a pack', 'in the cruft pack'])(
  'a change that was abandoned long ago and is made again while the repository is packed is not lost (%s)',
  async (where) => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'a\n', 'in/b.txt': 'b\n' })
    // Many new objects are written as one pack, whose name is that of the pack which is there already.
    const count = where === 'a pack each' ? 30 : 1
    const patchOf = (round: number) =>
      Array.from({ length: count }, (_, index) => addsFile(`new/${index}.txt`, [`${where} ${round} ${index}`])).join('')
    const propose = async (round: number) => (await store.applyPatch(project.id, project.tree, patchOf(round))).tree
    const abandonLongAgo = async (round: number) => {
      const tree = await propose(round)
      if (where === 'in a pack') {
        const commit = await keep(project, tree)
        await store.pack(project.id, options())
        const refs = await store.keptRefs(project.id)
        await store.releaseRefs(
          project.id,
          refs.filter(({ oid }) => oid === commit),
        )
      }
      await makeOlder(objects(project), 2 * day)
      // The cruft pack has the dates of what is in it.
      if (where === 'in the cruft pack') await store.pack(project.id, { ...options(), expireBefore: new Date(0) })
      return tree
    }
    for (const round of [0, 1, 2, 3, 4, 5]) {
      const tree = await abandonLongAgo(round)
      const [, commit] = await Promise.all([
        store.pack(project.id, options()),
        // In each round at another moment of the packing.
        delay(round * 20).then(async () => keep(project, await propose(round))),
      ])
      expect(await store.commitInfo(project.id, commit)).toMatchObject({ tree })
      expect(await store.verify(project.id, options().signal)).toEqual([])
    }
  },
)

it('trees that rows speak of are kept until they are not named again; those that are not there are told', async () => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const trees = await Promise.all(
    ['one', 'two', 'three'].map((text) => store.changeTree(project.id, project.tree, [change('a.txt', `${text}\n`)])),
  )
  const [one = '', two = '', three = ''] = trees
  const absent = '0123456789'.repeat(4)
  const pages = async function* (...all: string[][]) {
    yield* all
  }
  expect(await store.holdTrees(project.id, pages([one, absent], [two]))).toEqual([absent])
  await makeOlder(objects(project), 2 * day)
  await store.pack(project.id, options())
  expect(await Promise.all(trees.map((tree) => has(project, tree)))).toEqual([true, true, false])
  expect(await store.holdTrees(project.id, pages([two]))).toEqual([])
  await store.pack(project.id, options())
  await store.pack(project.id, { ...options(), expireBefore: new Date(Date.now() + hour) })
  expect(await Promise.all([one, two, three].map((tree) => has(project, tree)))).toEqual([false, true, false])
  expect(await store.keptRefs(project.id)).toEqual([])
  expect(await store.holdTrees(project.id, pages())).toEqual([])
})

it('what killed processes left goes when it is old; what is young may be at work', async () => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const directory = store.directory(project.id)
  const place = async (path: string, ageMs: number) => {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), 'left')
    const then = new Date(Date.now() - ageMs)
    await utimes(join(directory, path), then, then)
    return path
  }
  const old = [
    await place('objects/pack/tmp_pack_Aa1b2c', 2 * hour),
    await place('objects/pack/.tmp-4711-pack-0123.pack', 2 * hour),
    await place('objects/aa/tmp_obj_Xyz123', 2 * hour),
    await place('fast_import_crash_4711', 2 * hour),
    await place('packed-refs.lock', 400_000),
    await place('refs/heads/main.lock', 400_000),
    await place('objects/info/commit-graph.lock', 400_000),
  ]
  const young = [
    await place('objects/pack/tmp_pack_Bb1b2c', 60_000),
    await place('objects/bb/tmp_obj_Xyz123', 60_000),
    await place('refs/countersign/diffs/young.lock', 60_000),
  ]
  await store.pack(project.id, options())
  const there = async (paths: readonly string[]) => {
    const found = await Promise.all(paths.map((path) => stat(join(directory, path)).catch(() => null)))
    return paths.filter((_, index) => found[index] !== null)
  }
  expect(await there(old)).toEqual([])
  expect(await there(young)).toEqual(young)
})

it('a repository that lacks an object is not pruned, and says what it lacks', async () => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const blob = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], 'lost\n')).trim()
  const tree = (await gitWithInput(project, ['mktree'], `100644 blob ${blob}\ta.txt\n`)).trim()
  await keep(project, tree)
  const abandoned = (await gitWithInput(project, ['hash-object', '-w', '--stdin'], 'abandoned\n')).trim()
  await rm(join(objects(project), blob.slice(0, 2), blob.slice(2)))
  await makeOlder(objects(project), 2 * day)
  await expect(store.pack(project.id, options())).rejects.toThrow(blob)
  expect(await has(project, abandoned)).toBe(true)
})

it('a stopped pack ends at once and leaves the repository as it was', async () => {
  const { store } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const stop = new AbortController()
  stop.abort(new Error('told to end'))
  await expect(store.pack(project.id, { ...options(), signal: stop.signal })).rejects.toThrow('told to end')
  expect(await store.verify(project.id, options().signal)).toEqual([])
})

const hasFlock = findProgram('flock', defaultSearchPath) !== null

it.skipIf(!hasFlock)('packing that outlives its server keeps others from packing, and from nothing else', async () => {
  const { store, directory } = fixture
  const project = await fixture.project({ 'a.txt': 'a\n' })
  const at = (name: string) => join(directory, name)
  await promisify(execFile)('mkfifo', [at('begun'), at('go')])
  // The first git that packs waits: its server has time to die.
  const git = findProgram('git', defaultSearchPath)
  const slow = `#!/bin/sh
case " $* " in *" repack "*) echo > ${at('begun')}; read -r _ < ${at('go')} ;; esac
exec ${git} "$@"
`
  await mkdir(at('bin'))
  await writeFile(at('bin/git'), slow, { mode: 0o755 })
  const module = new URL('../../src/adapters/git/git-store.ts', import.meta.url).href
  const serve = `
    const { createGitStore } = await import(${JSON.stringify(module)})
    const store = createGitStore({
      root: ${JSON.stringify(at('repositories'))}, scratch: ${JSON.stringify(at('scratch'))},
      searchPath: ${JSON.stringify(`${at('bin')}:${defaultSearchPath}`)}, allowedProtocols: [], allowedHosts: null,
    })
    const { signal } = new AbortController()
    await store.pack('${project.id}', { expireBefore: new Date(0), timeoutMs: 60_000, signal })`
  const server = spawn(process.execPath, ['--input-type=module', '-e', serve], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const died = once(server, 'exit')
  await readFile(at('begun'))
  server.kill('SIGKILL')
  await died

  await expect(store.pack(project.id, options())).rejects.toThrow(RepositoryBusyError)
  const { tree } = await store.applyPatch(project.id, project.tree, addsFile('b.txt', ['b']))
  const kept = await keep(project, tree)
  expect(await store.moveBranch(project.id, 'main', project.head, kept)).toBe(true)

  await writeFile(at('go'), '\n')
  // What it holds is free when it has ended.
  await promisify(execFile)('flock', [join(store.directory(project.id), 'countersign-alone'), 'true'])
  await store.pack(project.id, options())
  expect(await store.verify(project.id, options().signal)).toEqual([])
  expect(await project.files(kept)).toEqual({ 'a.txt': 'a\n', 'b.txt': 'b\n' })
})
