import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tracesOf } from '../factories/diff-commands.ts'
import { changesLine, commit, gitOf, proposed } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
let head: string
let tokens: Readonly<Record<string, string>>
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  projectId = await readyProject(server, { policy: { requiredApprovals: 0 } })
  const content = [addsFile('a.txt', ['one']), addsFile('app.py', ['import os', '', 'print(os.name)'])].join('')
  expect(await commit(server, (await proposed(server, projectId, { content })).id)).toMatchObject({
    status: 'COMMITTED',
  })
  head = await gitOf(server, projectId, 'rev-parse', 'main')
  const roles = ['VIEWER', 'AUTHOR'] as const
  const actors = await Promise.all([
    ...roles.map((role) => actorWithToken(server, { name: role, role })),
    actorWithToken(server, { name: 'stranger' }),
  ])
  tokens = {
    VIEWER: actors[0]?.token ?? '',
    AUTHOR: actors[1]?.token ?? '',
    stranger: actors[2]?.token ?? '',
    expired: `${actors[1]?.token}x`,
  }
})
afterAll(() => server[Symbol.asyncDispose]())

const shown = `
  additions deletions hunks resultTree
  files {
    path previousPath kind isBinary isTest additions deletions patch
    before { text size } after { text size }
    hunks { index header oldStart oldLines newStart newLines text }
  }
  safety {
    safe syntaxValid evaluationHash reportHash analyzerVersion addedCapabilities
    added { capability path line symbol snippet } removed { path } warnings { code path line message }
    issues { code path line message }
  }`
const errors = `
  ... on ValidationError { code message fieldErrors { path message } }
  ... on ForbiddenError { code message requiredRole }
  ... on NotFoundError { code message }
  ... on PatchRejectedError { code message reason path hunk details }
  ... on SyntaxRejectedError { code message brokenPath: path line details }`

type Input = Readonly<Record<string, unknown>>

const preview = async (input: Input, token?: string) => {
  const document = `query ($input: ProposeDiffInput!) { previewDiff(input: $input) {
    __typename ... on DiffPreview { ${shown} } ${errors}
  } }`
  const given = { projectId, commitMessage: 'Change it', ...input }
  return server.request(document, { input: given }, token ?? server.token)
}

const propose = async (input: Input, token?: string) => {
  const document = `mutation ($input: ProposeDiffInput!) { proposeDiff(input: $input) {
    __typename ... on Diff { ${shown} } ${errors}
  } }`
  const given = { projectId, commitMessage: 'Change it', ...input }
  return server.request(document, { input: given }, token ?? server.token)
}

const adds = addsFile('sub/new.py', ['import subprocess', 'subprocess.run(["id"])'])
const nowhere = Buffer.from('Project:00000000-0000-0000-0000-000000000000').toString('base64')
const cases: Record<string, { readonly input: Input; readonly as?: string; readonly answers: string }> = {
  'a new file': { input: { content: adds }, answers: 'Diff' },
  'an author': { input: { content: adds }, as: 'AUTHOR', answers: 'Diff' },
  'an edit and a rename': {
    input: {
      content: `${changesLine('a.txt', 'one', 'two')}diff --git a/app.py b/lib/app.py\nrename from app.py\nrename to lib/app.py\n`,
    },
    answers: 'Diff',
  },
  'a test, and what decides about tests': {
    input: { content: addsFile('tests/test_a.py', ['pass']) + addsFile('conftest.py', ['pass']) },
    answers: 'Diff',
  },
  'code that does not parse, where that is wanted': {
    input: { content: addsFile('x.py', ['def']), allowInvalidSyntax: true },
    answers: 'Diff',
  },
  'code that does not parse': { input: { content: addsFile('x.py', ['def']) }, answers: 'SyntaxRejectedError' },
  'an empty patch': { input: { content: ' \n' }, answers: 'PatchRejectedError' },
  words: { input: { content: 'Please apply this.' }, answers: 'PatchRejectedError' },
  'a patch that climbs': { input: { content: addsFile('../x', ['x']) }, answers: 'PatchRejectedError' },
  'a patch of .git': { input: { content: addsFile('.git/config', ['x']) }, answers: 'PatchRejectedError' },
  'a link': { input: { content: addsFile('l', ['/etc']).replace('100644', '120000') }, answers: 'PatchRejectedError' },
  'a patch that does not apply': {
    input: { content: changesLine('a.txt', 'no', 'yes') },
    answers: 'PatchRejectedError',
  },
  'a patch that changes nothing': {
    input: { content: changesLine('a.txt', 'one', 'one') },
    answers: 'PatchRejectedError',
  },
  'a patch that is too large': {
    input: { content: addsFile('big.txt', ['x'.repeat(5 * 1024 * 1024)]) },
    answers: 'PatchRejectedError',
  },
  NUL: { input: { content: addsFile('a\u0000', ['x']) }, answers: 'PatchRejectedError' },
  'a base that is none': { input: { content: adds, baseCommit: 'f'.repeat(40) }, answers: 'ValidationError' },
  'a base by name': { input: { content: adds, baseCommit: 'main' }, answers: 'ValidationError' },
  'a message with our trailers': {
    input: { content: adds, commitMessage: 'x\n\nReviewed-by: me' },
    answers: 'ValidationError',
  },
  'no message': { input: { content: adds, commitMessage: ' ' }, answers: 'ValidationError' },
  'a viewer': { input: { content: adds }, as: 'VIEWER', answers: 'ForbiddenError' },
  'a stranger': { input: { content: adds }, as: 'stranger', answers: 'NotFoundError' },
  'another project': { input: { content: adds, projectId: nowhere }, answers: 'NotFoundError' },
  'what is no project': { input: { content: adds, projectId: 'x' }, answers: 'NotFoundError' },
}

describe('a preview answers what proposeDiff does, and stores nothing:', () => {
  it.each(Object.entries(cases))('%s', async (_, { input, as, answers }) => {
    const token = as === undefined ? undefined : tokens[as]
    const before = await tracesOf(server, projectId)
    const seen = await preview(input, token)
    expect(await tracesOf(server, projectId)).toEqual(before)
    const stored = await propose(input, token)
    expect(stored.data.proposeDiff.__typename).toBe(answers)
    const name = answers === 'Diff' ? 'DiffPreview' : answers
    expect(seen.data.previewDiff).toEqual({ ...stored.data.proposeDiff, __typename: name })
    // And the same again, now that it is stored.
    expect(await preview(input, token)).toEqual(seen)
  })

  it('for nobody without a token', async () => {
    const [seen, stored] = await Promise.all([
      preview({ content: adds }, tokens.expired),
      propose({ content: adds }, tokens.expired),
    ])
    expect(seen.data?.previewDiff ?? null).toBeNull()
    expect([seen.status, seen.errors]).toEqual([stored.status, stored.errors])
  })
})

describe('the evaluation of a preview', () => {
  const idOf = async (content: string): Promise<string> => {
    const document = `query ($input: ProposeDiffInput!) {
      previewDiff(input: $input) { ... on DiffPreview { safety { id } } }
    }`
    const { previewDiff } = await server.query(document, { input: { projectId, content, commitMessage: 'x' } })
    return previewDiff.safety.id
  }
  const load = (id: string, token?: string) =>
    server.query('query ($id: ID!) { node(id: $id) { id __typename } }', { id }, token)

  it('is no node while it is not stored, and is the stored one after that', async () => {
    const content = addsFile('evaluated.py', ['x = 1'])
    const unstored = await idOf(content)
    expect(await idOf(content)).toBe(unstored)
    expect(await load(unstored)).toEqual({ node: null })
    const diff = await proposed(server, projectId, { content, baseCommit: head })
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { safety { id } } } }', {
      id: diff.id,
    })
    expect(await idOf(content)).toBe(node.safety.id)
    expect(await load(node.safety.id)).toEqual({ node: { id: node.safety.id, __typename: 'SafetyEvaluation' } })
    expect(await load(node.safety.id, tokens.stranger)).toEqual({ node: null })
  })
})
