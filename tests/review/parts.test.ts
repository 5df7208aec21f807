import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { widthOf } from '../../src/cli/render/width.ts'
import { changeInEditor, withoutComments } from '../../src/cli/review/editor.ts'
import { readHunkChoice } from '../../src/cli/review/hunk-choice.ts'
import { keyRows, queueKeys, readKeys } from '../../src/cli/review/keys.ts'
import type { Reading } from '../../src/cli/review/load.ts'
import { patchLines } from '../../src/cli/review/patch-lines.ts'
import { createReader } from '../../src/cli/review/reader.ts'
import { cutIntoRows } from '../../src/cli/review/rows.ts'
import { findAccess, sendsInClear } from '../../src/cli/review/server-access.ts'
import type { ShownFile } from '../../src/cli/review/shown-diff.ts'
import { readConfig } from '../../src/config.ts'
import { tableRows } from '../docs/pages.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const file = (path: string, patch: string, hunks: readonly number[] = [0]): ShownFile => ({
  path,
  previousPath: null,
  kind: 'MODIFIED',
  additions: 1,
  deletions: 0,
  isTest: false,
  isBinary: false,
  patch,
  hunks: hunks.map((index) => ({ index })),
  reviewedByViewer: false,
})

const readingOf = (files: readonly ShownFile[]): Reading => ({
  diff: {
    id: 'id',
    status: 'PROPOSED',
    commitMessage: 'Change all',
    additions: 1,
    deletions: 0,
    createdAt: '2026-01-02T03:04:05Z',
    targetBranch: 'main',
    drifted: false,
    author: { name: 'Ada' },
    project: { id: 'p', name: 'p' },
    risk: { score: 0, reasons: [] },
    approval: { required: 1, given: 0, satisfied: false, missing: [] },
    latestTestRun: null,
    contentHash: 'c',
    messageHash: 'm',
    baseCommit: 'b',
    iteration: 1,
    hunks: files.length,
    evaluatorReasoning: null,
    autoRebaseFailure: null,
    sinceLastSeen: null,
    commit: null,
    supersededBy: null,
    safety: {
      safe: true,
      syntaxValid: true,
      addedCapabilities: [],
      evaluationHash: 'e',
      issues: [],
      warnings: [],
      added: [],
      removed: [],
    },
    reviews: [],
    comments: [],
    files: [...files],
  },
  testOutput: [],
})

it('of 2,000 files only the one that is read is made into rows, and reading on goes through all', () => {
  let made = 0
  const files = Array.from({ length: 2_000 }, (_, at) => {
    const patch = `@@ -0,0 +1,40 @@\n${'+x\n'.repeat(40)}`
    return Object.defineProperty(file(`f${at}.txt`, '', [at]), 'patch', {
      get() {
        made += 1
        return patch
      },
    })
  })
  const reader = createReader(readingOf(files), () => ({ style: plainStyle, columns: 80 }))
  expect(reader.rows(20)).toHaveLength(20)
  expect(made).toBe(0)
  reader.move('next', 20)
  expect(reader.rows(20)[0]).toBe('hunk 0  @@ -0,0 +1,40 @@')
  for (let presses = 0; !reader.title(20).startsWith('4/2001 '); presses += 1) {
    expect(presses).toBeLessThan(10)
    reader.move('pageDown', 20)
  }
  expect(reader.title(20)).toBe('4/2001 (1-20 of 41) MODIFIED f2.txt +1 -0')
  expect(made).toBeLessThan(10)
})

it('the overview says why a diff is risky, who approved it, and how much of it was read; a mark turns no page', () => {
  const files = ['a.txt', 'b.txt', 'c.txt'].map((path) => file(path, '@@ -1 +1 @@\n-a\n+b\n'))
  const reading = readingOf(files)
  const approve = { verdict: 'APPROVE', feedback: null, stillHolds: true }
  const diff = {
    ...reading.diff,
    risk: { score: 1_234, reasons: ['adds PICKLE: pickle.loads at a.py:3', 'its tests fail\u001b[2J'] },
    reviews: [
      { ...approve, reviewer: { name: 'Countersign' }, automatic: true, rule: 'docs' },
      { ...approve, reviewer: { name: 'Ada' }, automatic: false, rule: null },
    ],
  }
  const reader = createReader({ ...reading, diff }, () => ({ style: plainStyle, columns: 80 }))
  const overview = reader.rows(200).join('\n')
  expect(overview).toContain('Risk 1,234\n  - adds PICKLE: pickle.loads at a.py:3\n  - its tests fail<U+001B>[2J\n')
  expect(overview).toContain('  By the rule "docs" and no person: APPROVE\n  Ada: APPROVE\n')
  expect(overview).toContain('0 of 3 files reviewed')
  expect(
    createReader(reading, () => ({ style: plainStyle, columns: 80 }))
      .rows(200)
      .join('\n'),
  ).toContain('Risk 0\n  Nothing stands out.')

  reader.move('next', 20)
  reader.move('next', 20)
  const marked = diff.files.map((each, at) => ({ ...each, reviewedByViewer: at > 0 }))
  reader.show({ ...reading, diff: { ...diff, files: marked } }, false)
  expect(reader.title(20)).toBe('3/4 (1-3 of 3) MODIFIED b.txt +1 -0 [reviewed]')
  reader.move('first', 20)
  expect(reader.rows(200).join('\n')).toContain('2 of 3 files reviewed')
})

it('a file of 5 MiB is opened at once', () => {
  const lines = 5 * 16 * 1024
  const patch = `@@ -0,0 +1,${lines} @@\n${`+${'é'.repeat(20)}${'x'.repeat(42)}\n`.repeat(lines)}`
  const reader = createReader(readingOf([file('big.txt', patch)]), () => ({ style: plainStyle, columns: 40 }))
  reader.move('next', 20)
  const before = performance.now()
  expect(reader.rows(20)).toHaveLength(20)
  expect(performance.now() - before).toBeLessThan(10_000)
  expect(reader.title(20)).toContain(`of ${lines * 2 + 1})`)
})

it('changed lines that look like headers are told apart, and each has its place', () => {
  const patch =
    '--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@ f\n--- a/x\n+++ b/x\n @@ -9 +9 @@\n\\ No newline at end of file\n'
  expect(patchLines(patch, [7]).map(({ kind, place }) => `${kind} ${place}`)).toEqual([
    'head ',
    'head ',
    'hunk ',
    'removed -1',
    'added 1',
    'context 2',
    'note ',
  ])
})

it('rows are never wider than the terminal, and nothing of the text is lost', () => {
  const below = randomNumbers(7)
  const alphabet = ['a', ' ', '界', 'é', 'e\u0301', '🙂', '\t', 'ﬀ']
  for (let round = 0; round < 200; round += 1) {
    const text = Array.from({ length: below(120) }, () => alphabet[below(alphabet.length)]).join('')
    const columns = 2 + below(60)
    const rows = cutIntoRows(text, columns)
    expect(rows.join('')).toBe(text)
    for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(columns)
  }
})

it.each([40, 80])('at %i columns all keys are to be seen', (columns) => {
  for (const keys of [queueKeys, readKeys]) {
    const rows = keyRows(keys, plainStyle, columns)
    for (const row of rows) expect(row.length).toBeLessThanOrEqual(columns)
    for (const { shown, words } of keys) expect(rows.join('\n')).toContain(`${shown} ${words}`)
    expect(new Set(keys.flatMap((key) => key.keys)).size).toBe(keys.flatMap((key) => key.keys).length)
  }
})

it('the page on reviewing has every key', () => {
  const documented = tableRows('docs/REVIEW.md', 'key', 'in a diff').map(([key = '']) => key)
  expect(documented).toEqual(readKeys.map(({ shown }) => `\`${shown}\``))
})

it.each([
  ['0, 2-4 f0', { hunks: [0, 2, 3, 4], files: ['mode.sh'] }],
  ['4,4', { hunks: [4], files: [] }],
])('%s chooses %j', (text, chosen) => {
  expect(readHunkChoice(text, [file('a', '', [0, 1, 2, 3, 4]), file('mode.sh', '', [])])).toEqual(chosen)
})

it.each(['', '5', '4-2', 'f1', 'x', '-1', '0-999999'])('the choice "%s" is refused', (text) => {
  expect(() => readHunkChoice(text, [file('a', '', [0, 1, 2, 3, 4]), file('mode.sh', '', [])])).toThrow()
})

it('lines that begin with # are taken out of what was written', () => {
  expect(withoutComments('\n One.\n# not this\n #2 stays\n\n')).toBe('One.\n #2 stays')
})

it('a text is changed whatever its lines are, and editors find none of them at either end of the file', async () => {
  await using directory = await temporaryDirectory()
  const seen = join(directory.path, 'seen')
  const change = (script: string, text: string) =>
    changeInEditor({ editor: `f() { cat "$1" > '${seen}'; ${script}; }; f`, searchPath: '', hint: 'One.\nTwo.' }, text)
  const text =
    'vim: set shell=/bin/sh:\n\n# 12 is closed\n# ------------------------ >8 ------------------------\nvim: x'
  expect(await change('true', text)).toBe(text)
  const lines = (await readFile(seen, 'utf8')).trimEnd().split('\n')
  const ours = ['# One.', '# Two.', '#', '#', '#']
  expect([lines.slice(0, 5), lines.slice(-5)]).toEqual([ours, ours])
  expect(await change(`sed -i 's/closed/open/' "$1"`, text)).toBe(text.replace('closed', 'open'))
  expect(await change(`sed -i '/^[^#]/d' "$1"`, 'Gone')).toBe('')
  await expect(change(`echo only > "$1"`, text)).rejects.toThrow('nothing was sent')
  await expect(change('exit 3', text)).rejects.toThrow('ended with 3')
})

it("the administrator's token goes to this machine's server alone", async () => {
  await using directory = await temporaryDirectory()
  await writeFile(join(directory.path, 'admin-token'), 'the-admins-own\n')
  const find = (env: Readonly<Record<string, string>>, url?: string, tokenFile?: string) =>
    findAccess({ config: readConfig({ DATA_DIR: directory.path, ...env }), url, tokenFile })
  expect(await find({ HOST: '0.0.0.0' })).toEqual({ url: 'http://127.0.0.1:4000', token: 'the-admins-own' })
  await expect(find({}, 'https://other.example')).rejects.toThrow('Give --token-file')
  await expect(find({ ADMIN_TOKEN: 'a-long-enough-token', COUNTERSIGN_URL: 'https://other.example' })).rejects.toThrow(
    'COUNTERSIGN_TOKEN',
  )
  expect(await find({ COUNTERSIGN_TOKEN: 'mine' }, 'https://other.example/base/graphql')).toEqual({
    url: 'https://other.example/base',
    token: 'mine',
  })
  await expect(find({ COUNTERSIGN_TOKEN: 'two\nlines' })).rejects.toThrow('is no token')
  await expect(find({}, 'https://me:secret@other.example')).rejects.toThrow(/^(?!.*secret)/)
  expect(['http://127.0.0.1:4000', 'http://[::1]:1', 'https://a', 'http://a'].map(sendsInClear)).toEqual([
    false,
    false,
    false,
    true,
  ])
})
