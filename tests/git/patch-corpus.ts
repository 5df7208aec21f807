/** Random trees and histories, written into a project's repository by one process, and git's own patches between them. */

import { execFileSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomNumbers } from '../../bench/harness/random.ts'
import type { ObjectFormat } from '../../src/domain/ports/git-store.ts'
import { isLong } from '../support/long.ts'
import type { Project, StoreFixture } from './store-fixture.ts'

export interface TreeFile {
  readonly mode: '100644' | '100755'
  readonly content: Buffer
}

export type Tree = ReadonlyMap<string, TreeFile>

export interface Random {
  /** From 0 to below the bound. */
  below(bound: number): number
  /** True once in so many times. */
  oneIn(count: number): boolean
  pick<T>(items: readonly T[]): T
}

/** Set it to see a failure again; the long form looks further each time. */
export const givenSeed = Number(process.env.COUNTERSIGN_PATCH_SEED ?? (isLong ? Date.now() % 1_000_000_000 : 5))

export function createRandom(seed: number): Random {
  const below = randomNumbers(seed)
  return {
    below,
    oneIn: (count) => below(count) === 0,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  }
}

const names = [
  'a',
  'b',
  'README.md',
  'with space.txt',
  'a b/a b',
  ' lead',
  'ü.txt',
  'u\u0308.txt',
  '日本語/ファイル.txt',
  'smile 🎉',
  'say "hi".txt',
  "it's",
  '-dash',
  '--- a/x',
  'a/x',
  'b/x',
  'b/a/x',
  'i/x',
  'w/x',
  'dev/null',
  'deep/er/and/deeper/x.c',
  'deep/er/y.c',
  'deep/z',
  'thing',
  'thing/child',
  'thing/child/grandchild',
  'x => y',
  '{a,b}',
  '*.txt',
  '.hidden',
  '.gitattributes',
  '@@ -1 +1 @@',
  'run.sh',
  'data.bin',
  'pictures/one.png',
]

const words = [
  'alpha',
  'beta',
  'gamma',
  'delta',
  '',
  ' x',
  '--- a/x',
  '+++ b/x',
  '@@ -1 +1 @@',
  'diff --git a/x b/x',
  '-- ',
]

export function randomTree(random: Random): Map<string, TreeFile> {
  const tree = new Map<string, TreeFile>()
  for (let count = random.below(10); count >= 0; count--) put(tree, random.pick(names), randomFile(random))
  return tree
}

/** Another tree, some steps from this one: edits, moves, copies, modes, removals, additions. */
export function changedTree(random: Random, tree: Tree): Map<string, TreeFile> {
  const next = new Map(tree)
  for (let count = random.below(5); count >= 0; count--) {
    const paths = [...next.keys()]
    const [path, target] = [random.pick(paths), random.pick(names)]
    const file = path === undefined ? undefined : next.get(path)
    const step = random.below(8)
    if (path === undefined || file === undefined || step === 0) put(next, target, randomFile(random))
    else if (step === 1) next.delete(path)
    else if (step === 2) next.set(path, { ...file, mode: file.mode === '100644' ? '100755' : '100644' })
    else if (step === 3) {
      next.delete(path)
      put(next, target, random.oneIn(2) ? file : edited(random, file))
    } else if (step === 4) put(next, target, random.oneIn(2) ? file : edited(random, file))
    else next.set(path, edited(random, file))
  }
  return next
}

/** A file takes the place of what was a directory there, or makes room for one. */
function put(tree: Map<string, TreeFile>, path: string, file: TreeFile): void {
  for (const other of [...tree.keys()]) {
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) tree.delete(other)
  }
  tree.set(path, file)
}

function randomFile(random: Random): TreeFile {
  return { mode: random.oneIn(4) ? '100755' : '100644', content: randomContent(random) }
}

function randomContent(random: Random): Buffer {
  const kind = random.below(10)
  if (kind === 0) return Buffer.alloc(0)
  if (kind === 1) return randomBytes(random, 1 + random.below(400))
  const end = random.oneIn(5) ? '\r\n' : '\n'
  const lines = Array.from({ length: 1 + random.below(40) }, (_, index) =>
    random.oneIn(3) ? `${random.pick(words)} ${index}` : random.pick(words),
  )
  if (random.oneIn(6)) lines.push('Ünïcödé, 日本語, 🎉')
  if (random.oneIn(6)) lines.push('bare\rreturn')
  return Buffer.from(lines.join(end) + (random.oneIn(4) ? '' : end))
}

/** Binary for git, whatever else is in it. */
function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from([0, ...Array.from({ length }, () => random.below(256))])
}

function edited(random: Random, { mode, content }: TreeFile): TreeFile {
  if (content.includes(0)) {
    const at = random.below(content.length)
    const piece = randomBytes(random, random.below(30))
    return { mode, content: Buffer.concat([content.subarray(0, at), piece, content.subarray(at)]) }
  }
  const lines = content.toString().split('\n')
  for (let count = random.below(3); count >= 0; count--) {
    lines.splice(random.below(lines.length), random.below(3), ...Array(random.below(3)).fill(random.pick(words)))
  }
  return { mode, content: Buffer.from(lines.join('\n')) }
}

export interface CorpusCommit {
  readonly tree: Tree
  /** By their place in the list. */
  readonly parents: readonly number[]
}

/** Writes commits with `git fast-import`, and gives their trees' ids, in the same order. */
export async function writeCommits(
  fixture: StoreFixture,
  commits: readonly CorpusCommit[],
  format: ObjectFormat = 'SHA1',
): Promise<{ project: Project; trees: string[]; ids: string[] }> {
  const project = await fixture.project({}, format)
  const pieces: Buffer[] = []
  const say = (text: string) => pieces.push(Buffer.from(text))
  const marks = new Map<string, number>()
  for (const [index, { tree, parents }] of commits.entries()) {
    say(`commit refs/corpus/${index}\nmark :${index + 1}\ncommitter A <a@localhost> ${1_700_000_000 + index} +0000\n`)
    say('data 0\n')
    const [first, ...others] = parents
    if (first !== undefined) say(`from :${first + 1}\n`)
    for (const other of others) say(`merge :${other + 1}\n`)
    say('deleteall\n')
    for (const [path, { mode, content }] of tree) {
      say(`M ${mode} inline "${path.replace(/["\\]/g, '\\$&')}"\ndata ${content.length}\n`)
      pieces.push(content, Buffer.from('\n'))
    }
    marks.set(`refs/corpus/${index}`, index)
  }
  say('done\n')
  gitOn(fixture, project, ['fast-import', '--quiet', '--done', '--force'], Buffer.concat(pieces))
  const trees: string[] = []
  const ids: string[] = []
  const listing = await project.git('for-each-ref', '--format=%(refname) %(objectname) %(tree)', 'refs/corpus')
  for (const line of listing.trim().split('\n')) {
    const [name = '', id = '', tree = ''] = line.split(' ')
    const index = marks.get(name) ?? -1
    ids[index] = id
    trees[index] = tree
  }
  return { project, trees, ids }
}

/** git's patches for many pairs of trees, by one process; bytes as they came. */
export function gitPatches(
  fixture: StoreFixture,
  project: Project,
  pairs: readonly (readonly [from: string, to: string])[],
  options: readonly string[],
  configuration: readonly string[] = [],
): Buffer[] {
  const input = pairs.map((pair) => `${pair.join(' ')}\n`).join('')
  const settings = configuration.flatMap((each) => ['-c', each])
  const output = gitOn(
    fixture,
    project,
    [...settings, 'diff-tree', '--stdin', '-r', '-p', ...options],
    Buffer.from(input),
  )
  // Before each patch stand the ids of its pair; git says nothing at all of a pair that is equal.
  const text = output.toString('latin1')
  const patches = new Map<string, string>()
  const head = /^([0-9a-f]{40,64} [0-9a-f]{40,64})\n/gm
  const heads = [...text.matchAll(head)]
  for (const [index, found] of heads.entries()) {
    const start = found.index + found[0].length
    patches.set(found[1] ?? '', text.slice(start, heads[index + 1]?.index ?? text.length))
  }
  return pairs.map((pair) => Buffer.from(patches.get(pair.join(' ')) ?? '', 'latin1'))
}

export function gitOn(fixture: StoreFixture, project: Project, args: readonly string[], input?: Buffer): Buffer {
  return execFileSync('git', [`--git-dir=${fixture.store.directory(project.id)}`, ...args], {
    input: input ?? Buffer.alloc(0),
    maxBuffer: 1e9,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: fixture.directory, GIT_CONFIG_NOSYSTEM: '1' },
  })
}

/** What `git apply` makes of a patch on a tree, in an index of its own; null when it refuses. */
export async function treeByGit(
  fixture: StoreFixture,
  project: Project,
  base: string,
  patch: string,
  strip: 0 | 1,
): Promise<string | null> {
  const index = join(fixture.directory, `index-${process.hrtime.bigint()}`)
  const file = `${index}.patch`
  await writeFile(file, patch)
  const git = (...args: string[]) =>
    execFileSync('git', [`--git-dir=${fixture.store.directory(project.id)}`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: fixture.directory, GIT_INDEX_FILE: index, GIT_CONFIG_NOSYSTEM: '1' },
    }).toString()
  try {
    git('read-tree', base)
    git('apply', '--cached', '--whitespace=nowarn', `-p${strip}`, file)
    return git('write-tree').trim()
  } catch (error) {
    if ((error as { status?: number }).status === undefined) throw error
    return null
  } finally {
    for (const path of [index, file, `${index}.lock`]) await rm(path, { force: true })
  }
}
