import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addsBytes, changesLine, commit, gitOf, propose, proposed, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
  projectId = await readyProject(server, { policy: { requiredApprovals: 0 } })
  const start = [addsFile('a.txt', ['one']), addsFile('app.py', ['import os', '', 'print(os.name)'])].join('')
  const { id } = await proposed(server, projectId, { content: start })
  expect(await commit(server, id)).toMatchObject({ status: 'COMMITTED' })
})
afterAll(() => server[Symbol.asyncDispose]())

const traces = async () => ({
  rows: await sqlOf(
    server,
    'select (select count(*) from diff) diffs, (select count(*) from safety_evaluation) reports, (select count(*) from outbox) jobs, (select count(*) from event) events',
  ),
  refs: await gitOf(server, projectId, 'for-each-ref'),
  scratch: await readdir(join(server.config.dataDir, 'scratch')),
})

describe('a refused patch leaves no row, no reference and no file', () => {
  it.each([
    ['EMPTY', ' \n\n'],
    ['MALFORMED', 'Please apply this.'],
    ['MALFORMED', changesLine('a.txt', 'one', 'tw\u0000o')],
    ['TOO_LARGE', addsFile('big.txt', ['x'.repeat(5 * 1024 * 1024)])],
    ['UNSAFE_PATH', addsFile('../out.txt', ['x'])],
    ['RESERVED_PATH', addsFile('.git/hooks/post-commit', ['#!/bin/sh'])],
    ['SYMLINK', addsFile('link', ['/etc/passwd']).replace('100644', '120000')],
    ['DOES_NOT_APPLY', changesLine('a.txt', 'two', 'three')],
    ['DOES_NOT_APPLY', changesLine('missing.txt', 'one', 'two')],
    ['DOES_NOT_APPLY', `${addsFile('fine.txt', ['x'])}${changesLine('a.txt', 'no', 'yes')}`],
    ['HEADERS_LIE', addsBytes('x.bin', Buffer.from([0, 1]), '1'.repeat(40))],
    ['NO_CHANGE', changesLine('a.txt', 'one', 'one')],
  ])('%s: %j', async (reason, content) => {
    const before = await traces()
    const answer = await propose(server, projectId, { content })
    expect([answer.__typename, answer.reason]).toEqual(['PatchRejectedError', reason])
    expect(answer.message).toMatch(/\S{3,}/)
    expect(await traces()).toEqual(before)
  })

  it('nor does code that does not parse', async () => {
    const before = await traces()
    const answer = await propose(server, projectId, { content: addsFile('x.py', ['def']) })
    expect(answer).toMatchObject({ __typename: 'SyntaxRejectedError', line: 1 })
    expect(await traces()).toEqual(before)
  })

  it('nor does one for a base that is not on the branch', async () => {
    const { id } = await proposed(server, projectId, { content: addsFile('kept.txt', ['x']) })
    const aside = await gitOf(server, projectId, 'rev-parse', `refs/countersign/diffs/${rowId(id)}`)
    const before = await traces()
    for (const baseCommit of [aside, 'f'.repeat(40), 'main', `${aside}^`, '--all']) {
      const answer = await propose(server, projectId, { content: addsFile('x.txt', ['x']), baseCommit })
      expect([baseCommit, answer.__typename]).toEqual([baseCommit, 'ValidationError'])
    }
    expect(await traces()).toEqual(before)
  })
})

const shown = async (diffId: string) => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff {
      changeHash additions deletions hunks
      files { path previousPath kind isBinary isTest additions deletions before { text } after { text } hunks { index text } }
      safety { safe addedCapabilities added { capability path line symbol } warnings { code path } }
    } } }`,
    { id: diffId },
  )
  return node
}

describe('what is shown of a diff', () => {
  it('comes from the two trees: files, counts, hunks, contents', async () => {
    const content = [
      'diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,4 @@\n import os\n \n-print(os.name)\n+NAME = os.name\n+print(NAME)\n',
      'diff --git a/a.txt b/docs/a.txt\nrename from a.txt\nrename to docs/a.txt\n',
      addsFile(
        'tests/test_app.py',
        ['--- a/x', '+++ b/x'].map((line) => `# ${line}`),
      ),
    ].join('')
    const { id } = await proposed(server, projectId, { content })
    const diff = await shown(id)
    expect(diff).toMatchObject({ additions: 4, deletions: 1, hunks: 2 })
    expect(diff.files).toEqual([
      expect.objectContaining({
        path: 'app.py',
        kind: 'MODIFIED',
        isTest: false,
        additions: 2,
        deletions: 1,
        before: { text: 'import os\n\nprint(os.name)\n' },
        after: { text: 'import os\n\nNAME = os.name\nprint(NAME)\n' },
        hunks: [expect.objectContaining({ index: 0 })],
      }),
      expect.objectContaining({
        path: 'docs/a.txt',
        previousPath: 'a.txt',
        kind: 'RENAMED',
        before: { text: 'one\n' },
        after: { text: 'one\n' },
        hunks: [],
      }),
      expect.objectContaining({
        path: 'tests/test_app.py',
        kind: 'ADDED',
        isTest: true,
        before: null,
        hunks: [{ index: 1, text: '@@ -0,0 +1,2 @@\n+# --- a/x\n+# +++ b/x\n' }],
      }),
    ])
  })

  it('names each added use of a capability with its line', async () => {
    const content =
      'diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,5 @@\n import os\n+import subprocess as sp\n \n-print(os.name)\n+sp.run(["id"])\n+x = eval(open("x").read())\n'
    const { id } = await proposed(server, projectId, { content })
    const { safety } = await shown(id)
    expect(safety.safe).toBe(false)
    expect(safety.addedCapabilities.toSorted()).toEqual(['EVAL_EXEC', 'FILESYSTEM_READ', 'SUBPROCESS'])
    expect(
      safety.added.map(
        (use: { symbol: string; line: number; path: string }) => `${use.symbol} ${use.path}:${use.line}`,
      ),
    ).toEqual(expect.arrayContaining(['subprocess.run app.py:4', 'eval app.py:5']))
  })

  it('has a hash of the change that one blank alters and another base does not', async () => {
    const own = await readyProject(server, { policy: { requiredApprovals: 0 } })
    const hashOf = async (content: string) => {
      const diff = await proposed(server, own, { content })
      return { ...diff, ...(await shown(diff.id)) }
    }
    const first = await hashOf(addsFile('n.txt', ['a b']))
    expect((await hashOf(addsFile('n.txt', ['a  b']))).changeHash).not.toBe(first.changeHash)
    const other = await hashOf(addsFile('other.txt', ['x']))
    expect(await commit(server, other.id)).toMatchObject({ status: 'COMMITTED' })
    const again = await hashOf(addsFile('n.txt', ['a b']))
    expect(again.changeHash).toBe(first.changeHash)
    expect(again.baseCommit).not.toBe(first.baseCommit)
    expect(again.safety).toEqual(first.safety)
  })

  it('takes what no database text can hold, and says what it is', async () => {
    const bytes = Buffer.from('x = eval("1\0")\n')
    const content = addsBytes('odd.py', bytes)
    const answer = await propose(server, projectId, { content, allowInvalidSyntax: true })
    expect(answer).toMatchObject({ __typename: 'Diff' })
    const latin = Buffer.from([0x68, 0xe9, 0x0a])
    const { id } = await proposed(server, projectId, { content: addsBytes('latin.txt', latin) })
    expect((await shown(id)).files).toMatchObject([{ path: 'latin.txt', isBinary: false, additions: 1 }])
  })

  it('is stored for each of ten who propose the same at once', async () => {
    const content = addsFile('same.txt', ['same'])
    const answers = await Promise.all(Array.from({ length: 10 }, () => propose(server, projectId, { content })))
    expect(answers.map(({ __typename }) => __typename)).toEqual(Array(10).fill('Diff'))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(10)
  })

  it('is the one that was made before, when asked again with the same clientMutationId after its commit', async () => {
    const given = { content: addsFile('once.txt', ['once']), clientMutationId: 'the only one' }
    const first = await proposed(server, projectId, given)
    expect((await propose(server, projectId, given)).id).toBe(first.id)
    expect(await commit(server, first.id)).toMatchObject({ status: 'COMMITTED' })
    expect((await propose(server, projectId, given)).id).toBe(first.id)
    const { clientMutationId: _, ...another } = given
    expect(await propose(server, projectId, another)).toMatchObject({ __typename: 'PatchRejectedError' })
  })
})
