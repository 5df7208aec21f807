import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { parseHunks } from '../../src/domain/diff/hunks.ts'
import { selectHunks } from '../../src/domain/diff/select-hunks.ts'
import type { ChangedFile, PatchPart } from '../../src/domain/ports/git-store.ts'
import { change, openStore, type Project, type StoreFixture, withLink } from '../git/store-fixture.ts'
import { isLong } from '../support/long.ts'

const run = promisify(execFile)
const rounds = isLong ? 1_500 : 24
const choicesOfOne = isLong ? 4 : 2
const seed = Number(process.env.SELECT_HUNKS_SEED ?? 11)

let fixture: StoreFixture
let project: Project
beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project({ keep: 'kept\n' })
})
afterAll(() => fixture[Symbol.asyncDispose]())

type Random = (below: number) => number
type Files = ReadonlyMap<string, { readonly content: Buffer; readonly mode: '100644' | '100755' }>

/** Lines of few kinds, so that a hunk fits in many places and only its number says which is meant. */
const someLines = (random: Random, count: number, kinds = 7): string[] =>
  Array.from({ length: count }, () => ['x', 'y', '', '}', '-- ', '@@ -1 +1 @@', 'ä'][random(kinds)] ?? '')

const asText = (random: Random, lines: readonly string[]): string => {
  const end = random(4) === 0 ? '\r\n' : '\n'
  return lines.join(end) + (random(4) === 0 || lines.length === 0 ? '' : end)
}

const edited = (random: Random, lines: readonly string[]): string[] => {
  const copy = [...lines]
  for (let edits = 1 + random(4); edits > 0; edits -= 1) {
    copy.splice(random(copy.length + 1), random(3), ...someLines(random, random(4)))
  }
  return copy
}

/** Two small trees: edited, new, removed, renamed, binary, differently encoded and executable files. */
const randomTrees = (random: Random): { before: Files; after: Files } => {
  const before = new Map()
  const after = new Map()
  for (let index = 0; index < 1 + random(4); index += 1) {
    const path = `${['', 'sub/', 'a b/'][random(3)]}${index}${['.txt', 'ü', ''][random(3)]}`
    const lines = someLines(random, random(70), [1, 2, 7][random(3)])
    const bytes = (text: string) => (index === 3 ? Buffer.from(`\xe9${text}`, 'latin1') : Buffer.from(text))
    const mode = () => (random(5) === 0 ? '100755' : '100644')
    const fate = random(10)
    const text = asText(random, lines)
    if (fate !== 0) before.set(path, { content: bytes(text), mode: mode() })
    if (fate === 1) continue
    if (fate === 2) {
      after.set(path, { content: Buffer.from([0, random(256)]), mode: '100644' })
      continue
    }
    if (fate === 4) {
      after.set(path, { content: bytes(text), mode: mode() })
      continue
    }
    const moved = fate === 3 ? `moved/${index}` : path
    after.set(moved, { content: bytes(asText(random, edited(random, lines))), mode: mode() })
  }
  return { before, after }
}

const writeTree = (files: Files) =>
  fixture.store.changeTree(
    project.id,
    project.tree,
    [...files].map(([path, { content, mode }]) => change(path, content, mode)),
  )

const readTree = async (tree: string): Promise<object> => {
  const entries = await fixture.store.listFiles(project.id, tree)
  const read = entries.map(async ({ path, mode }) => {
    const file = await fixture.store.readFile(project.id, tree, path)
    return [path, `${mode} ${file?.content.toString('latin1')}`] as const
  })
  return Object.fromEntries((await Promise.all(read)).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const readDirectory = async (directory: string): Promise<object> => {
  const found: [string, string][] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode } = await stat(path)
    const content = await readFile(path, 'latin1')
    found.push([path.slice(directory.length + 1), `${mode & 0o100 ? '100755' : '100644'} ${content}`])
  }
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is left of a file's head when its new name or mode stands alone; null when its hunks bring no such thing. */
const headAlone = (head: string): string | null => {
  const lines = head.split('\n').filter((line) => /^(diff --git|old mode|new mode|rename|copy) /.test(line))
  return lines.length > 1 ? `${lines.join('\n')}\n` : null
}

/** What git makes of a tree and patches that come one after the other, in a directory of its own. */
const appliedByGit = async (directory: string, before: Files, patches: readonly string[]): Promise<object> => {
  const tree = join(directory, 'tree')
  await mkdir(tree, { recursive: true })
  await writeFile(join(tree, 'keep'), 'kept\n')
  for (const [path, { content, mode }] of before) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), content, { mode: mode === '100755' ? 0o755 : 0o644 })
  }
  const names = await Promise.all(
    patches.map(async (patch, index) => {
      await writeFile(join(directory, `${index}.patch`), patch)
      return join('..', `${index}.patch`)
    }),
  )
  await run('git', ['apply', '--whitespace=nowarn', ...names], { cwd: tree })
  return readDirectory(tree)
}

/**
 * The same choice in patches for git: a file's new name and mode first, then one hunk at a time from the last to the first, so that
 * every hunk is where its own header says, and no number has to be worked out.
 */
const oneByOne = (
  files: readonly ChangedFile[],
  parts: readonly PatchPart[],
  hunks: ReadonlySet<number>,
  paths: ReadonlySet<string>,
): string[] => {
  // A copy is of what its source was: those come before anything is changed.
  const copies: string[] = []
  const others: string[] = []
  let first = 0
  for (const [index, file] of files.entries()) {
    const patches = file.kind === 'COPIED' ? copies : others
    const whole = parts[index]?.patch ?? ''
    const own = parseHunks(file.patch)
    const chosen = own.map((_, at) => hunks.has(first + at))
    first += own.length
    if (own.length === 0 ? paths.has(file.path) : !chosen.includes(false)) patches.push(whole)
    else if (chosen.includes(true)) {
      const exact = parseHunks(whole)
      const alone = headAlone(whole.slice(0, whole.indexOf(exact[0]?.text ?? '')))
      if (alone) patches.push(alone)
      const name = JSON.stringify(file.path).slice(1, -1)
      for (const [at, { header, text, oldStart, oldLines, newLines }] of [...exact.entries()].reverse()) {
        if (!chosen[at]) continue
        const place = `@@ -${oldStart},${oldLines} +${oldStart + (oldLines ? 0 : 1) - (newLines ? 0 : 1)},${newLines} @@`
        patches.push(`--- a/${name}\n+++ b/${name}\n${place}\n${text.slice(header.length + 1)}`)
      }
    }
  }
  return [...copies, ...others]
}

it(`a random choice gives what git makes of exactly those hunks (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  const kinds = new Set<string>()
  let compared = 0
  for (let round = 0; compared < rounds; round += 1) {
    const { before, after } = randomTrees(random)
    const [from, to] = await Promise.all([writeTree(before), writeTree(after)])
    const [files, parts] = await Promise.all([
      fixture.store.changedFiles(project.id, from, to),
      fixture.store.patchParts(project.id, from, to),
    ])
    const total = files.flatMap((file) => parseHunks(file.patch)).length
    for (let choice = 0; choice < choicesOfOne; choice += 1) {
      const hunks = Array.from({ length: total }, (_, index) => index).filter(() => random(2) === 0)
      const paths = files.flatMap(({ path, patch }) => (parseHunks(patch).length === 0 && random(2) ? [path] : []))
      let patch: string
      try {
        patch = selectHunks(files, parts, hunks, paths)
      } catch (error) {
        expect((error as Error).message).toMatch(/choose at least|keeps everything|is no UTF-8 text/)
        continue
      }
      const directory = join(fixture.directory, 'by-git', `${round}-${choice}`)
      const single = oneByOne(files, parts, new Set(hunks), new Set(paths))
      const expected = await appliedByGit(join(directory, 'one-by-one'), before, single)
      // Its own line numbers are right too: git looks for a hunk around the line that it says.
      expect(await appliedByGit(join(directory, 'at-once'), before, [patch])).toEqual(expected)
      const { tree } = await fixture.store.applyPatch(project.id, from, patch)
      expect(await readTree(tree), `round ${round}, choice ${choice}`).toEqual(expected)
      for (const { kind } of files) kinds.add(kind)
      compared += 1
    }
  }
  // A test that never meets a rename shows little.
  expect([...kinds]).toEqual(expect.arrayContaining(['ADDED', 'DELETED', 'MODIFIED', 'RENAMED', 'MODE_CHANGED']))
})

describe('a link that becomes a file', () => {
  it('is kept whole or not at all', async () => {
    const before = await withLink(project, project.tree, 'thing', 'keep')
    const whole = await fixture.store.changeTree(project.id, project.tree, [change('thing', 'text\n')])
    const after = await fixture.store.changeTree(project.id, whole, [change('keep', 'other\n')])
    const files = await fixture.store.changedFiles(project.id, before, after)
    const parts = await fixture.store.patchParts(project.id, before, after)
    expect(files.map(({ path }) => path)).toEqual(['keep', 'thing'])
    expect(files.flatMap(({ patch }) => parseHunks(patch))).toHaveLength(3)
    for (const hunk of [1, 2]) {
      expect(() => selectHunks(files, parts, [hunk], [])).toThrow('thing is no UTF-8 text or changes its kind')
    }
    expect(selectHunks(files, parts, [1, 2], [])).toBe(parts[1]?.patch)
  })
})

it('the files of a diff that are not those of its trees are a fault of ours, not of the one who chooses', () => {
  expect(() => selectHunks([{ path: 'a', patch: '' }], [{ path: 'b', patch: '' }], [0], [])).toThrow(
    'are not those that its trees differ in',
  )
})
