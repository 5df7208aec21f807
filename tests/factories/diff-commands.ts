import type { TreeChange } from '../../src/domain/ports/git-store.ts'
import type { TestServer } from '../support/server.ts'
import { everythingStored } from './api.ts'
import { gitOf, sqlOf } from './gate.ts'
import { rowId } from './pipeline.ts'

/** A diff as its commands answer it, or what the error has. */
export interface DiffAnswer {
  readonly __typename: string
  readonly id: string
  readonly status: string
  readonly origin: string
  readonly contentHash: string
  readonly changeHash: string
  readonly baseCommit: string
  readonly resultTree: string
  readonly commitMessage: string
  readonly iteration: number
  readonly drifted: boolean
  readonly hunks: number
  readonly author: { readonly id: string }
  readonly supersedes: { readonly id: string } | null
  readonly supersededBy: { readonly id: string } | null
  readonly safety: { readonly id: string; readonly evaluationHash: string; readonly reportHash: string }
  readonly approval: { readonly given: number; readonly satisfied: boolean; readonly missing: readonly string[] }
  readonly reviews: readonly {
    readonly id: string
    readonly verdict: string
    readonly stillHolds: boolean
    readonly baseCommit: string
    readonly feedback: string | null
    readonly reviewer: { readonly id: string }
    readonly carriedFrom: { readonly id: string; readonly stillHolds: boolean } | null
  }[]
  readonly latestTestRun: { readonly id: string; readonly status: string; readonly total: number } | null
  readonly files: readonly { readonly path: string; readonly patch: string }[]
  readonly message?: string
  readonly fieldErrors?: readonly { readonly path: readonly string[]; readonly message: string }[]
  readonly requiredRole?: string | null
  readonly reason?: string
  readonly from?: string
  readonly to?: string
  readonly paths?: readonly string[]
}

const diffFields = `
  id status origin contentHash changeHash baseCommit resultTree commitMessage iteration drifted hunks
  author { id } supersedes { id } supersededBy { id }
  safety { id evaluationHash reportHash }
  approval { given satisfied missing }
  reviews { id verdict stillHolds baseCommit feedback reviewer { id } carriedFrom { id stillHolds } }
  latestTestRun { id status total }
  files { path patch }`

const errorFields = `
  ... on DomainError { message }
  ... on ValidationError { fieldErrors { path message } }
  ... on ForbiddenError { requiredRole }
  ... on InvalidTransitionError { from to }
  ... on PatchRejectedError { reason }`

const answerFields = `__typename ... on Diff { ${diffFields} } ${errorFields}`

/** Everything that a diff shows of where it stands. */
export const shownDiff = async (server: TestServer, id: string, token?: string): Promise<DiffAnswer> =>
  (await server.query(`query ($id: ID!) { node(id: $id) { __typename ... on Diff { ${diffFields} } } }`, { id }, token))
    .node

export const keepHunks = async (
  server: TestServer,
  diffId: string,
  hunks: readonly number[],
  options: { files?: readonly string[]; token?: string } = {},
): Promise<DiffAnswer> => {
  const document = `mutation ($id: ID!, $hunks: [Int!]!, $files: [String!]) {
    keepHunks(diffId: $id, hunks: $hunks, files: $files) { ${answerFields} }
  }`
  return (await server.query(document, { id: diffId, hunks, files: options.files }, options.token)).keepHunks
}

export const rebase = async (server: TestServer, diffId: string, token?: string): Promise<DiffAnswer> => {
  const document = `mutation ($id: ID!) { rebaseDiff(diffId: $id) {
    ${answerFields} ... on RebaseConflictError { paths }
  } }`
  return (await server.query(document, { id: diffId }, token)).rebaseDiff
}

export const revert = async (server: TestServer, diffId: string, token?: string): Promise<DiffAnswer> => {
  const document = `mutation ($id: ID!) { revertDiff(diffId: $id) {
    ${answerFields} ... on RebaseConflictError { paths }
  } }`
  return (await server.query(document, { id: diffId }, token)).revertDiff
}

/** The contents that files shall have; null removes one. */
export type FileContents = Readonly<Record<string, string | Buffer | null | Omit<TreeChange, 'path'>>>

const treeChanges = (files: FileContents): TreeChange[] =>
  Object.entries(files).map(([path, given]) => {
    if (given === null) return { path, content: null }
    if (typeof given === 'string' || Buffer.isBuffer(given)) return { path, content: Buffer.from(given) }
    return { path, ...given }
  })

/** The tree that a commit (the branch's head unless given) has once these files have these contents. */
export const treeWith = async (
  server: TestServer,
  projectId: string,
  files: FileContents,
  commit = 'main',
): Promise<string> => {
  const tree = await gitOf(server, projectId, 'rev-parse', `${commit}^{tree}`)
  return server.context.services.git.changeTree(rowId(projectId), tree, treeChanges(files))
}

/** The patch that gives these files of the branch these contents. */
export const patchOf = async (server: TestServer, projectId: string, files: FileContents): Promise<string> => {
  const tree = await gitOf(server, projectId, 'rev-parse', 'main^{tree}')
  const { git } = server.context.services
  return git.patchBetween(rowId(projectId), tree, await treeWith(server, projectId, files))
}

/** A commit on the branch that the server knows of, as after a sync with a remote. @returns its id */
export const branchHas = async (server: TestServer, projectId: string, files: FileContents): Promise<string> => {
  const { git } = server.context.services
  const id = rowId(projectId)
  const head = await gitOf(server, projectId, 'rev-parse', 'main')
  const somebody = { name: 'Somebody', email: 'somebody@example.com', at: new Date('2026-01-02T03:04:05Z') }
  const oid = await git.writeCommit(id, {
    tree: await treeWith(server, projectId, files),
    parents: [head],
    message: 'Fetched\n',
    author: somebody,
    committer: somebody,
  })
  if (!(await git.moveBranch(id, 'main', head, oid))) throw new Error('The branch has moved.')
  await sqlOf(server, 'update project set head_commit = $2 where id = $1', [id, oid])
  return oid
}

/** So many numbered lines; those that are given are others. */
export const numbered = (count: number, others: Readonly<Record<number, string>> = {}): string =>
  Array.from({ length: count }, (_, index) => `${others[index + 1] ?? `line ${index + 1}`}\n`).join('')

/**
 * What a refused command must leave as it was: all but what was learnt of contents, the jobs that recovery asks for
 * again at any time, and objects that nothing names.
 */
export const tracesOf = async (server: TestServer, projectId: string): Promise<object> => {
  const { counts, files } = await everythingStored(server)
  const { blob_analysis: _learnt, outbox: _jobs, ...rest } = counts
  const refs = await gitOf(server, projectId, 'for-each-ref')
  return { counts: rest, refs, files: files.filter((file) => !file.includes('/objects/')) }
}
