import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { branchHas, type FileContents, numbered, patchOf, treeWith } from '../factories/diff-commands.ts'
import { gitOf, propose, proposed } from '../factories/gate.ts'
import { readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
const start: FileContents = {
  'a.txt': numbered(30),
  'b.txt': numbered(20),
  'a.bin': Buffer.from([0, 1]),
  run: 'x\n',
  empty: '',
  'naïve "file".txt': 'n\n',
  'crlf.txt': numbered(9).replaceAll('\n', '\r\n'),
  'latin.txt': Buffer.from('h\xe9\n', 'latin1'),
}
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  projectId = await readyProject(server)
  await branchHas(server, projectId, start)
})
afterAll(() => server[Symbol.asyncDispose]())

interface Shown {
  readonly baseCommit: string
  readonly resultTree: string
  readonly additions: number
  readonly deletions: number
  readonly hunks: number
  readonly files: readonly {
    readonly path: string
    readonly previousPath: string | null
    readonly kind: string
    readonly isBinary: boolean
    readonly additions: number
    readonly deletions: number
    readonly hunks: readonly { readonly index: number }[]
    readonly before: { readonly text: string | null } | null
    readonly after: { readonly text: string | null } | null
  }[]
}

const shown = async (id: string): Promise<Shown> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff {
      baseCommit resultTree additions deletions hunks
      files { path previousPath kind isBinary additions deletions hunks { index } before { text } after { text } }
    } } }`,
    { id },
  )
  return node
}

/** What git itself counts between the two trees: by path, added and removed lines, or null for binary contents. */
const countedByGit = async ({ baseCommit, resultTree }: Shown) => {
  const out = await gitOf(server, projectId, 'diff', '--numstat', '-z', '-M', '-C', baseCommit, resultTree)
  const fields = out.split('\0')
  const counts: Record<string, readonly [number, number] | null> = {}
  for (let at = 0; at < fields.length - 1; ) {
    const [added = '', removed = '', name] = fields[at]?.split('\t') ?? []
    const path = name === '' ? fields[at + 2] : name
    counts[path ?? ''] = added === '-' ? null : [Number(added), Number(removed)]
    at += name === '' ? 3 : 1
  }
  return counts
}

const hunksByGit = async ({ baseCommit, resultTree }: Shown): Promise<number> =>
  ((await gitOf(server, projectId, 'diff', '-M', '-C', '--text', baseCommit, resultTree)).match(/^@@ /gm) ?? []).length

describe('what is shown of a diff is what git counts between its trees:', () => {
  const cases: Record<string, FileContents> = {
    'edits in several places': {
      'a.txt': numbered(30, { 3: 'three', 20: '' }),
      'b.txt': numbered(20, { 1: 'one\ntwo' }),
    },
    'new and removed files': { 'new.txt': numbered(3), 'b.txt': null, empty: null, 'sub/empty': '', 'new-empty': '' },
    'renames with and without edits': {
      'a.txt': null,
      'moved/a.txt': numbered(30, { 9: 'nine' }),
      'b.txt': null,
      'moved/b.txt': numbered(20),
    },
    'a mode, a binary file and another encoding': {
      run: { content: Buffer.from('x\n'), mode: '100755' },
      'a.bin': Buffer.from([0, 2, 3]),
      'latin.txt': Buffer.from('h\xe8\n\xe9\n', 'latin1'),
    },
    'odd names and line ends': {
      'naïve "file".txt': 'm\nm\n',
      'crlf.txt': numbered(9),
      'tab\tin name': 'x\n',
    },
    'lines that look like headers': { 'a.txt': `--- a/x\n+++ b/x\n@@ -1 +1 @@\n${numbered(30)}-- \n++ x\n` },
  }
  it.each(Object.entries(cases).map(([name, files]) => [name, files] as const))('%s', async (_, files) => {
    const given = Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('\t')))
    const diff = await shown(
      (await proposed(server, projectId, { content: await patchOf(server, projectId, given) })).id,
    )
    const counts = await countedByGit(diff)
    expect(diff.files.map(({ path }) => path).toSorted()).toEqual(Object.keys(counts).toSorted())
    for (const { path, additions, deletions, isBinary } of diff.files) {
      expect([path, isBinary ? null : [additions, deletions]]).toEqual([path, counts[path]])
    }
    const sum = (side: 0 | 1) => Object.values(counts).reduce((total, count) => total + (count?.[side] ?? 0), 0)
    expect([diff.additions, diff.deletions]).toEqual([sum(0), sum(1)])
    expect(diff.files.flatMap((file) => file.hunks.map(({ index }) => index))).toEqual(
      Array.from({ length: diff.hunks }, (_unused, index) => index),
    )
    if (!diff.files.some(({ isBinary }) => isBinary)) expect(diff.hunks).toBe(await hunksByGit(diff))
    for (const { path, previousPath, kind, before, after } of diff.files) {
      expect([path, before === null, after === null]).toEqual([path, kind === 'ADDED', kind === 'DELETED'])
      const text = async (treeish: string, name: string) => {
        const entry = await gitOf(server, projectId, 'cat-file', '-p', `${treeish}:${name}`)
        return entry.trim()
      }
      if (before?.text != null) expect(before.text.trim()).toBe(await text(diff.baseCommit, previousPath ?? path))
      if (after?.text != null) expect(after.text.trim()).toBe(await text(diff.resultTree, path))
    }
  })

  it('a patch that rewrites every line of a file, of which one is another', async () => {
    const before = numbered(30).split('\n').slice(0, -1)
    const after = before.with(14, 'fifteen')
    const content = [
      'diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,30 +1,30 @@ nothing of the kind\n',
      ...before.map((line) => `-${line}\n`),
      ...after.map((line) => `+${line}\n`),
    ].join('')
    const diff = await shown((await proposed(server, projectId, { content })).id)
    expect(diff).toMatchObject({ additions: 1, deletions: 1, hunks: 1 })
    expect(diff.resultTree).toBe(await treeWith(server, projectId, { 'a.txt': numbered(30, { 15: 'fifteen' }) }))
  })

  it('a file removed in one place and made in another, which is a rename', async () => {
    const lines = numbered(20).split('\n').slice(0, -1)
    const content = [
      'diff --git a/b.txt b/b.txt\ndeleted file mode 100644\n--- a/b.txt\n+++ /dev/null\n@@ -1,20 +0,0 @@\n',
      ...lines.map((line) => `-${line}\n`),
      'diff --git a/c.txt b/c.txt\nnew file mode 100644\n--- /dev/null\n+++ b/c.txt\n@@ -0,0 +1,20 @@\n',
      ...lines.map((line) => `+${line}\n`),
    ].join('')
    const diff = await shown((await proposed(server, projectId, { content })).id)
    expect(diff).toMatchObject({ additions: 0, deletions: 0, hunks: 0 })
    expect(diff.files).toMatchObject([{ path: 'c.txt', previousPath: 'b.txt', kind: 'RENAMED' }])
  })
})

const body = '@@ -1 +1 @@\n-x\n+y\n'
describe('a patch whose text would mislead is refused:', () => {
  it.each([
    ['a first line that names another file', `diff --git a/b.txt b/b.txt\n--- a/run\n+++ b/run\n${body}`],
    ['two names of one file', `diff --git a/run b/run\n--- a/run\n+++ b/b.txt\n${body}`],
    ['a file twice', `diff --git a/run b/run\n--- a/run\n+++ b/run\n${body}`.repeat(2)],
    [
      'a rename that its first line does not name',
      'diff --git a/run b/run\nsimilarity index 100%\nrename from b.txt\nrename to c.txt\n',
    ],
    ['a name that ends early', `diff --git "a/run\\000.txt" "b/run\\000.txt"\n--- a/run\n+++ b/run\n${body}`],
    [
      'a second patch after words',
      `diff --git a/run b/run\n--- a/run\n+++ b/run\n${body}words\n--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-line 1\n+two\n`,
    ],
    [
      'a new file that is there',
      `diff --git a/run b/run\nnew file mode 100644\n--- /dev/null\n+++ b/run\n@@ -0,0 +1 @@\n+y\n`,
    ],
    [
      "a mode that is not the file's",
      `diff --git a/run b/run\nold mode 100755\nnew mode 100644\n--- a/run\n+++ b/run\n${body}`,
    ],
    ['more lines than its numbers say', `diff --git a/run b/run\n--- a/run\n+++ b/run\n@@ -1 +1 @@\n-x\n+y\n+z\n`],
  ])('%s', async (_, content) => {
    const answer = await propose(server, projectId, { content })
    expect([answer.__typename, answer.message]).toEqual(['PatchRejectedError', expect.stringMatching(/\S/)])
  })
})
