import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { changeHash } from '../../src/domain/diff/change-hash.ts'
import type { TreeChange } from '../../src/domain/ports/git-store.ts'
import { change, openStore, type Project, type StoreFixture } from '../git/store-fixture.ts'

const rounds = 40
const seed = Number(process.env.CHANGE_HASH_SEED ?? 5)

let fixture: StoreFixture
let project: Project
beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project({ keep: 'kept\n' })
})
afterAll(() => fixture[Symbol.asyncDispose]())

/** A file before and after; null where there is none. */
interface Side {
  readonly path: string
  readonly content: string
  readonly mode?: TreeChange['mode']
}
interface Pair {
  readonly before: Side | null
  readonly after: Side | null
}

const treeOf = (sides: readonly (Side | null)[]): Promise<string> =>
  fixture.store.changeTree(
    project.id,
    project.tree,
    sides.flatMap((side) => (side ? [change(side.path, Buffer.from(side.content, 'latin1'), side.mode)] : [])),
  )

const hashOf = async (pair: Pair, besides: readonly Side[] = []): Promise<string> => {
  const from = await treeOf([pair.before, ...besides])
  const to = await treeOf([pair.after, ...besides])
  return changeHash(await fixture.store.changedFiles(project.id, from, to))
}

const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`)
const textOf = (list: readonly string[], end = '\n'): string => list.map((line) => line + end).join('')
const replaced = (list: readonly string[], at: number, ...others: string[]): string[] =>
  list.toSpliced(at, 1, ...others)

const path = 'src/a.txt'
const pairOf = (before: string, after: string): Pair => ({
  before: { path, content: before },
  after: { path, content: after },
})

describe('the hash of a change', () => {
  const pair = pairOf(textOf(lines), textOf(replaced(lines, 20, 'twenty', 'and more')))
  const long = (count: number) => textOf(Array.from({ length: count }, (_, index) => `above ${index}`))

  it.each<[string, Pair, readonly Side[]]>([
    ['other files', pair, [{ path: 'src/b.txt', content: 'b\n' }]],
    ['lines far above', pairOf(long(100) + (pair.before?.content ?? ''), long(100) + (pair.after?.content ?? '')), []],
    ['lines far below', pairOf(`${pair.before?.content}end\n`, `${pair.after?.content}end\n`), []],
    [
      'the line that a hunk is said to be in',
      pairOf(
        textOf(replaced(lines, 10, 'function x() {')),
        textOf(replaced(replaced(lines, 20, 'twenty', 'and more'), 10, 'function x() {')),
      ),
      [],
    ],
  ])('is the same with %s', async (_, moved, besides) => {
    expect(await hashOf(moved, besides)).toBe(await hashOf(pair))
  })

  it.each<[string, Pair]>([
    ['an added blank', pairOf(textOf(lines), textOf(replaced(lines, 20, 'twenty ', 'and more')))],
    ['a tab for a blank', pairOf(textOf(lines), textOf(replaced(lines, 20, 'twenty', 'and\tmore')))],
    ['an added empty line', pairOf(textOf(lines), textOf(replaced(lines, 20, 'twenty', '', 'and more')))],
    ['the order of added lines', pairOf(textOf(lines), textOf(replaced(lines, 20, 'and more', 'twenty')))],
    ['a carriage return', pairOf(textOf(lines), textOf(replaced(lines, 20, 'twenty\r', 'and more')))],
    [
      'a carriage return beside it',
      pairOf(
        textOf(replaced(lines, 18, 'line 18\r')),
        textOf(replaced(replaced(lines, 20, 'twenty', 'and more'), 18, 'line 18\r')),
      ),
    ],
    [
      'a blank beside it',
      pairOf(
        textOf(replaced(lines, 18, 'line 18 ')),
        textOf(replaced(replaced(lines, 20, 'twenty', 'and more'), 18, 'line 18 ')),
      ),
    ],
    ['another mode after', { before: pair.before, after: { ...(pair.after as Side), mode: '100755' } }],
    [
      'another mode before and after',
      { before: { ...(pair.before as Side), mode: '100755' }, after: { ...(pair.after as Side), mode: '100755' } },
    ],
    [
      'another path',
      { before: { ...(pair.before as Side), path: 'a' }, after: { ...(pair.after as Side), path: 'a' } },
    ],
    ['a new path', { before: pair.before, after: { ...(pair.after as Side), path: 'a' } }],
    ['no file before', { before: null, after: pair.after }],
    ['no file after', { before: pair.before, after: null }],
  ])('is another one with %s', async (_, other) => {
    expect(await hashOf(other)).not.toBe(await hashOf(pair))
  })

  it('tells every way in which a last line may end', async () => {
    const ends = [
      ['end', 'end\n'],
      ['end\n', 'end'],
      ['end', 'END'],
      ['end\n', 'END\n'],
      ['end', 'END\n'],
      ['end\r\n', 'END\r\n'],
    ] as const
    const hashes = await Promise.all(ends.map(([before, after]) => hashOf(pairOf(before, after))))
    expect(new Set(hashes).size).toBe(ends.length)
  })

  it('names contents by their ids where the patch cannot tell them apart', async () => {
    const texts = ['a\n', 'a\0\n', 'a\xe9\n', 'a\xe8\n', `${'x'.repeat(9000)}\0\n`, `${'x'.repeat(9000)}\xff\n`]
    const hashes = await Promise.all(texts.map((content) => hashOf(pairOf('b\n', content))))
    expect(new Set(hashes).size).toBe(texts.length)
    // The very character that stands for what is no text.
    const [mark, other] = await Promise.all(
      ['\xef\xbf\xbd\n', '\xff\n'].map((content) => hashOf(pairOf('b\n', content))),
    )
    expect(mark).not.toBe(other)
  })
})

it(`one character altered anywhere in a change, and its hash is another (seed ${seed})`, async () => {
  const random = randomNumbers(seed)
  for (let round = 0; round < rounds; round += 1) {
    const base = Array.from({ length: 10 + random(30) }, (_, index) => `${'abc'[random(3)]} ${index}`)
    const at = random(base.length)
    const removed = 1 + random(3)
    const added = Array.from({ length: 1 + random(3) }, (_, index) => `new ${random(100)} ${index}`)
    const ends = random(2) === 0 ? '\n' : '\r\n'
    const before = textOf(base, ends)
    const after = textOf(base.toSpliced(at, removed, ...added), ends)
    const hash = await hashOf(pairOf(before, after))

    const mutate = (text: string, line: number): string => {
      const all = text.split('\n')
      const old = all[line] ?? ''
      const column = random(old.length + 1)
      const put = [' ', 'z', '\t', ''][random(4)] ?? ''
      const next = old.slice(0, column) + (put === '' ? '' : put) + old.slice(put === '' ? column + 1 : column)
      all[line] = next === old ? `${old}z` : next
      return all.join('\n')
    }
    const end = at + Math.min(removed, base.length - at)
    const others: Record<string, Pair> = {
      'an added line': pairOf(before, mutate(after, at + random(added.length))),
      'a removed line': pairOf(mutate(before, at + random(end - at)), after),
    }
    if (at > 0) {
      const line = Math.max(0, at - 1 - random(3))
      const state = mutate(before, line).split('\n')[line] ?? ''
      const put = (text: string) => text.split('\n').toSpliced(line, 1, state).join('\n')
      others['a line before it'] = pairOf(put(before), put(after))
    }
    for (const [what, pair] of Object.entries(others)) {
      expect(await hashOf(pair), `round ${round}: ${what} altered`).not.toBe(hash)
    }
  }
})
