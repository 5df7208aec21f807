import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflateSync } from 'node:zlib'
import pg from 'pg'
import type { TestServer } from '../support/server.ts'
import { rowId } from './pipeline.ts'

const run = promisify(execFile)

export interface ShownDiff {
  readonly id: string
  readonly contentHash: string
  readonly baseCommit: string
  readonly safety: { readonly evaluationHash: string }
}

/** What a mutation answered: the type's name and, for an error, what it says. */
export interface Answer {
  readonly __typename: string
  readonly status?: string
  readonly message?: string
  readonly missing?: readonly string[]
  readonly expected?: string
  readonly actual?: string
  readonly from?: string
  readonly to?: string
  readonly commit?: { readonly oid: string } | null
  readonly id?: string
  readonly reason?: string
  readonly path?: string | null
  readonly brokenPath?: string
  readonly line?: number | null
}

const proposal = `mutation ($input: ProposeDiffInput!) { proposeDiff(input: $input) {
  __typename
  ... on Diff { id contentHash baseCommit safety { evaluationHash } }
  ... on DomainError { message }
  ... on PatchRejectedError { reason path }
  ... on SyntaxRejectedError { brokenPath: path line }
} }`

/** Asks for a diff and gives the answer as it is. */
export const propose = async (
  server: TestServer,
  projectId: string,
  input: {
    content: string
    commitMessage?: string
    baseCommit?: string
    allowInvalidSyntax?: boolean
    clientMutationId?: string
  },
  token?: string,
): Promise<Answer> => {
  const given = { projectId, commitMessage: 'Change a file', ...input }
  return (await server.query(proposal, { input: given }, token)).proposeDiff
}

/** The same for a patch that is taken. @throws Error with the refusal's words */
export const proposed = async (
  server: TestServer,
  projectId: string,
  input: Parameters<typeof propose>[2],
  token?: string,
): Promise<ShownDiff> => {
  const answer = await propose(server, projectId, input, token)
  if (answer.__typename !== 'Diff') throw new Error(`${answer.__typename}: ${answer.message}`)
  return answer as unknown as ShownDiff
}

/** A person's verdict on the diff as it was shown to them. */
export const review = async (
  server: TestServer,
  diff: ShownDiff,
  options: { verdict?: 'APPROVE' | 'REJECT'; token?: string; contentHash?: string; evaluationHash?: string } = {},
): Promise<Answer> => {
  const { reviewDiff } = await server.query(
    `mutation ($id: ID!, $verdict: ReviewVerdict!, $content: String!, $evaluation: String!) {
      reviewDiff(diffId: $id, verdict: $verdict, contentHash: $content, evaluationHash: $evaluation) {
        __typename
        ... on Diff { status }
        ... on DomainError { message }
        ... on InvalidTransitionError { from to }
      }
    }`,
    {
      id: diff.id,
      verdict: options.verdict ?? 'APPROVE',
      content: options.contentHash ?? diff.contentHash,
      evaluation: options.evaluationHash ?? diff.safety.evaluationHash,
    },
    options.token,
  )
  return reviewDiff
}

export const commit = async (server: TestServer, diffId: string, token?: string): Promise<Answer> => {
  const { commitDiff } = await server.query(
    `mutation ($id: ID!) { commitDiff(diffId: $id) {
      __typename
      ... on Diff { status commit { oid } }
      ... on DomainError { message }
      ... on ApprovalRequiredError { missing }
      ... on BaseDriftError { expected actual }
      ... on InvalidTransitionError { from to }
    } }`,
    { id: diffId },
    token,
  )
  return commitDiff
}

export interface DiffState {
  readonly status: string
  readonly drifted: boolean
  readonly resultTree: string
  readonly approval: {
    readonly required: number
    readonly given: number
    readonly satisfied: boolean
    readonly missing: readonly string[]
  }
  readonly reviews: readonly { readonly verdict: string; readonly stillHolds: boolean }[]
}

/** Where a diff stands. */
export const diffState = async (server: TestServer, diffId: string): Promise<DiffState> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff {
      status drifted resultTree approval { required given satisfied missing } reviews { verdict stillHolds }
    } } }`,
    { id: diffId },
  )
  return node
}

export const setPolicy = async (server: TestServer, projectId: string, policy: object): Promise<void> => {
  const { setApprovalPolicy } = await server.query(
    `mutation ($id: ID!, $policy: ApprovalPolicyInput!) {
      setApprovalPolicy(projectId: $id, policy: $policy) { __typename ... on DomainError { message } }
    }`,
    { id: projectId, policy },
  )
  if (setApprovalPolicy.__typename !== 'Project') throw new Error(setApprovalPolicy.message)
}

/** git on a project's repository, from outside. @returns what it printed, trimmed */
export const gitOf = (server: TestServer, projectId: string, ...args: string[]): Promise<string> =>
  gitAt(server.context.services.git.directory(rowId(projectId)), ...args)

/** The same on any repository. */
export const gitAt = async (directory: string, ...args: string[]): Promise<string> => {
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', HOME: '/nonexistent' }
  const { stdout } = await run('git', ['--git-dir', directory, ...args], { env })
  return stdout.trim()
}

/** A commit on the branch that somebody made with git alone. @returns its id */
export const commitBehindOurBack = async (server: TestServer, projectId: string, words = 'By hand') => {
  const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  const oid = await gitOf(server, projectId, ...identity, 'commit-tree', '-p', 'main', '-m', words, 'main^{tree}')
  await gitOf(server, projectId, 'update-ref', 'refs/heads/main', oid)
  return oid
}

/** Changes rows as somebody with the database's password would. @returns the rows that it gave */
export const sqlOf = async (
  server: TestServer,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: server.config.databaseUrl })
  await client.connect()
  try {
    return (await client.query(statement, [...values])).rows
  } finally {
    await client.end()
  }
}

/** A patch that turns one line of a file of one line into another. */
export const changesLine = (path: string, from: string, to: string): string =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${from}\n+${to}\n`

const base85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'

/** A patch that adds a file of any few bytes, as git writes binary patches; `id` is the blob's unless it is given. */
export const addsBytes = (path: string, bytes: Buffer, id?: string): string => {
  const packed = deflateSync(bytes)
  if (packed.length > 52) throw new Error('One line of a binary patch has at most 52 bytes.')
  const padded = Buffer.concat([packed, Buffer.alloc((4 - (packed.length % 4)) % 4)])
  let text = ''
  for (let at = 0; at < padded.length; at += 4) {
    let value = padded.readUInt32BE(at)
    let word = ''
    for (let digit = 0; digit < 5; digit += 1) {
      word = base85[value % 85] + word
      value = Math.floor(value / 85)
    }
    text += word
  }
  const length = String.fromCharCode(packed.length <= 26 ? 64 + packed.length : 70 + packed.length)
  const blob = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  return [
    `diff --git a/${path} b/${path}`,
    'new file mode 100644',
    `index ${'0'.repeat(40)}..${id ?? blob}`,
    'GIT binary patch',
    `literal ${bytes.length}`,
    `${length}${text}`,
    '',
    'literal 0',
    'HcmV?d00001',
    '',
    '',
  ].join('\n')
}
