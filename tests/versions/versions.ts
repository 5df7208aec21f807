import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { type MutationAnswer, made, mutate, mutationDocument } from '../factories/api.ts'
import { addsFile, proposedDiff, rowId } from '../factories/pipeline.ts'
import type { TestServer } from '../support/server.ts'

const run = promisify(execFile)

/** A commit with this patch on the project's branch. */
export const committed = async (server: TestServer, projectId: string, patch: string): Promise<void> => {
  const diff = await proposedDiff(server, projectId, patch)
  const hashes = { contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
  await made(server, 'reviewDiff', { diffId: diff.id, verdict: 'APPROVE', ...hashes })
  await made(server, 'commitDiff', { diffId: diff.id })
}

export const committedFile = (server: TestServer, projectId: string, path: string, lines = [path]): Promise<void> =>
  committed(server, projectId, addsFile(path, lines))

export const versionOf = (server: TestServer, projectId: string, input: object = {}, token?: string): Promise<string> =>
  made(server, 'createVersion', { input: { projectId, message: 'A version', ...input } }, token)

export const tryVersion = (
  server: TestServer,
  projectId: string,
  input: object = {},
  token?: string,
): Promise<MutationAnswer> =>
  mutate(server, 'createVersion', { input: { projectId, message: 'A version', ...input } }, token)

/** A version of an upload by the GraphQL multipart request specification. */
export const uploadVersion = async (
  server: TestServer,
  projectId: string,
  content: Uint8Array,
  input: object = {},
): Promise<MutationAnswer> => {
  const form = new FormData()
  const variables = { input: { projectId, message: 'An upload', archive: null, ...input } }
  form.set('operations', JSON.stringify({ query: mutationDocument('createVersion'), variables }))
  form.set('map', '{"0":["variables.input.archive"]}')
  form.set('0', new Blob([new Uint8Array(content)]), 'version.tar.gz')
  const headers = { authorization: `Bearer ${server.token}`, accept: 'application/json' }
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: form })
  const { data, errors } = await response.json()
  if (errors) throw new Error(errors[0].message)
  return data.createVersion
}

const versionQuery = `query ($id: ID!) { node(id: $id) { ... on Version {
  id commit message archiveUrl createdAt project { id } parent { id } createdBy { name }
  manifest { hash fileCount totalBytes entries(first: 200) { nodes { path mode sha256 size } } }
} } }`

export const shownVersion = async (server: TestServer, id: string, token?: string) =>
  (await server.query(versionQuery, { id }, token)).node

/** Runs git on a project's repository from outside. */
export const gitOn = async (server: TestServer, projectId: string, ...args: string[]): Promise<Buffer> => {
  const directory = server.context.services.git.directory(rowId(projectId))
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  const { stdout } = await run('git', [`--git-dir=${directory}`, ...args], { env, maxBuffer: 1e9, encoding: 'buffer' })
  return stdout
}

export interface ExpectedManifest {
  readonly hash: string
  readonly entries: readonly { path: string; mode: string; sha256: string; size: number }[]
}

/** A manifest made by the documented rule from what git says of a commit, with nothing of the server's own code. */
export const manifestByHand = async (
  server: TestServer,
  projectId: string,
  commit: string,
): Promise<ExpectedManifest> => {
  const listing = (await gitOn(server, projectId, 'ls-tree', '-r', '-z', commit)).toString('latin1').split('\0')
  const files = listing.flatMap((line) => {
    const [, mode, kind, id, path] = line.match(/^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s) ?? []
    return mode && kind === 'blob' && id && path ? [{ mode, id, path: Buffer.from(path, 'latin1') }] : []
  })
  files.sort((left, right) => Buffer.compare(left.path, right.path))
  const whole = createHash('sha256')
  const entries = []
  for (const { mode, id, path } of files) {
    const content = await gitOn(server, projectId, 'cat-file', 'blob', id)
    const sha256 = createHash('sha256').update(content).digest('hex')
    whole
      .update(`${mode} ${sha256} ${content.length}\t`)
      .update(path)
      .update(Buffer.from([0]))
    entries.push({ path: path.toString('utf8'), mode, sha256, size: content.length })
  }
  return { hash: whole.digest('hex'), entries }
}

export const versionRefs = async (server: TestServer, projectId: string): Promise<string[]> =>
  (await gitOn(server, projectId, 'for-each-ref', '--format=%(refname)', 'refs/countersign/versions'))
    .toString('utf8')
    .split('\n')
    .filter((ref) => ref !== '')
