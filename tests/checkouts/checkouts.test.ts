import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { opendir, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type CheckoutOptions, createCheckouts } from '../../src/adapters/checkouts/checkouts.ts'
import { markedName } from '../../src/adapters/sandbox/process-mark.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const treeOf = (letter: string) => letter.repeat(40)
const projectId = randomUUID()
const HOUR = 3_600_000

/** A directory for checkouts and a count of how often a tree was written. */
async function openPlace() {
  const directory = await temporaryDirectory()
  const written: string[] = []
  const root = join(directory.path, 'checkouts')
  return {
    root,
    written,
    open: (more: Partial<CheckoutOptions> = {}) =>
      createCheckouts({
        root,
        owner: null,
        async materialize(_project, tree, target) {
          written.push(tree)
          mkdirSync(join(target, 'sub'))
          await writeFile(join(target, 'sub', 'file'), `of ${tree}`)
        },
        ...more,
      }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

const fileIn = (directory: string) => readFile(join(directory, 'sub', 'file'), 'utf8')

it('a tree is written once, for all who want it at the same time and later', async () => {
  await using place = await openPlace()
  const checkouts = await place.open()
  const tree = treeOf('a')
  const directories = await Promise.all(
    Array.from({ length: 8 }, () =>
      checkouts.with(projectId, tree, async (directory) => {
        expect(await fileIn(directory)).toBe(`of ${tree}`)
        return directory
      }),
    ),
  )
  expect(new Set(directories).size).toBe(1)
  expect(await checkouts.with(projectId, tree, fileIn)).toBe(`of ${tree}`)
  expect(await checkouts.with(projectId, treeOf('b'), fileIn)).toBe(`of ${treeOf('b')}`)
  expect(place.written).toEqual([tree, treeOf('b')])
})

it('two processes that make the same one do not fail, and one wins', async () => {
  await using place = await openPlace()
  const both = await Promise.all([place.open(), place.open()])
  const seen = await Promise.all(both.map((checkouts) => checkouts.with(projectId, treeOf('a'), fileIn)))
  expect(seen).toEqual([`of ${treeOf('a')}`, `of ${treeOf('a')}`])
  expect(await readdir(join(place.root, projectId))).toEqual([treeOf('a')])
  const later = await place.open()
  expect(await later.with(projectId, treeOf('a'), fileIn)).toBe(`of ${treeOf('a')}`)
  expect(place.written.length).toBeLessThanOrEqual(2)
})

it('one that failed to be made is no checkout, leaves nothing, and is tried again', async () => {
  await using place = await openPlace()
  let broken = true
  const checkouts = await place.open({
    async materialize(_project, tree, target) {
      mkdirSync(join(target, 'sub'))
      if (broken) throw new Error('as asked')
      await writeFile(join(target, 'sub', 'file'), `of ${tree}`)
    },
  })
  await expect(checkouts.with(projectId, treeOf('a'), fileIn)).rejects.toThrow('as asked')
  expect(await readdir(join(place.root, projectId))).toEqual([])
  broken = false
  expect(await checkouts.with(projectId, treeOf('a'), fileIn)).toBe(`of ${treeOf('a')}`)
})

it.each([
  ['a file of which a power cut left nothing', (files: string) => truncate(join(files, 'sub', 'file'), 0)],
  [
    'a file that somebody wrote with the same size',
    (files: string) => writeFile(join(files, 'sub', 'file'), 'x'.repeat(43)),
  ],
  ['a file too many', (files: string) => writeFile(join(files, 'more'), '')],
])('%s is not believed by the next process: the tree is written again', async (_what, damage) => {
  await using place = await openPlace()
  const first = await place.open()
  await first.with(projectId, treeOf('a'), damage)
  const second = await place.open()
  expect(await second.with(projectId, treeOf('a'), fileIn)).toBe(`of ${treeOf('a')}`)
  expect(place.written).toEqual([treeOf('a'), treeOf('a')])
  const files = await second.with(projectId, treeOf('a'), (directory) => readdir(directory))
  expect(files).toEqual(['sub'])
})

it('one that only another machine sees as it was made is not taken from under what runs on it there', async () => {
  await using place = await openPlace()
  const theirs = await place.open()
  await theirs.with(projectId, treeOf('a'), async () => {
    const path = join(place.root, projectId, treeOf('a'))
    await writeFile(join(path, 'seal'), 'of numbers that this machine does not see')
    const held = await opendir(join(path, 'files', 'sub'))
    const ours = await place.open()
    expect(await ours.with(projectId, treeOf('a'), fileIn)).toBe(`of ${treeOf('a')}`)
    await place.open()
    const aside = (await readdir(join(place.root, projectId))).filter((name) => name.startsWith('old-'))
    expect(aside).toHaveLength(1)
    expect((await held.read())?.name).toBe('file')
    await held.close()
  })
})

it('one that another process has removed is made again', async () => {
  await using place = await openPlace()
  const [ours, theirs] = [await place.open(), await place.open({ bounds: { most: 0, inUseMs: 0 } })]
  await ours.with(projectId, treeOf('a'), fileIn)
  await utimes(join(place.root, projectId, treeOf('a')), 0, 0)
  await theirs.with(projectId, treeOf('b'), fileIn)
  expect(await ours.with(projectId, treeOf('a'), fileIn)).toBe(`of ${treeOf('a')}`)
})

it('the longest unused go when there are too many or they are old; never one in use or just used', async () => {
  await using place = await openPlace()
  const checkouts = await place.open({ bounds: { most: 2, unusedMs: 48 * HOUR, inUseMs: HOUR } })
  const age = (tree: string, hours: number) => {
    const at = new Date(Date.now() - hours * HOUR)
    return utimes(join(place.root, projectId, tree), at, at)
  }
  const kept = async () => (await readdir(join(place.root, projectId))).map((name) => name[0]).join('')
  for (const letter of 'abc') await checkouts.with(projectId, treeOf(letter), async () => {})
  // All were used just now.
  expect(await kept()).toBe('abc')
  await age(treeOf('a'), 3)
  await age(treeOf('b'), 2)
  await checkouts.with(projectId, treeOf('a'), async () => {
    await age(treeOf('a'), 3)
    await checkouts.with(projectId, treeOf('d'), async () => {})
    expect(await kept()).toBe('acd')
  })
  await age(treeOf('c'), 50)
  await age(treeOf('d'), 1 / 2)
  await age(treeOf('a'), 1 / 2)
  await place.open({ bounds: { most: 9, unusedMs: 48 * HOUR, inUseMs: HOUR } })
  expect(await kept()).toBe('ad')
})

it('what killed processes left half made or half removed is swept; what others are at stays', async () => {
  await using place = await openPlace()
  const dead = spawn('true')
  await once(dead, 'exit')
  const own = join(place.root, projectId, markedName('new'))
  const left = [own, join(place.root, projectId, markedName('old'))].map((path) =>
    path.replace(`-${process.pid}-`, `-${dead.pid}-`),
  )
  for (const path of [own, ...left]) mkdirSync(join(path, 'files'), { recursive: true })
  await utimes(left[1] ?? '', 0, 0)
  await place.open()
  expect([own, ...left].map((path) => existsSync(path))).toEqual([true, false, false])
})

it('only a project and a tree name a checkout', async () => {
  await using place = await openPlace()
  const checkouts = await place.open()
  for (const [project, tree] of [
    ['../x', treeOf('a')],
    [projectId, '../../x'],
    [projectId, 'HEAD'],
  ] as const) {
    await expect(checkouts.with(project, tree, fileIn)).rejects.toThrow(TypeError)
  }
})
