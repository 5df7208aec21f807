/** Projects with remotes, on a whole server. */

import { sql } from 'kysely'
import { rows } from '../../src/domain/shared/database.ts'
import { mutate } from '../factories/api.ts'
import { commit, gitOf, proposed, review, type ShownDiff } from '../factories/gate.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer, type TestServerOptions } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createRemoteRepository, type GitServer, type RemoteRepository, serveGit } from './git-over-http.ts'

export const token = 'tok-7f3a9c51e0d24b68'
export const password = `x-access-token:${token}`

/** Remotes on loopback may be used, as an in-house server that the operator names. */
export const startRemoteServer = (options: TestServerOptions = {}): Promise<TestServer> =>
  startTestServer({
    rehearsal: false,
    pools: { maintenance: 4 },
    ...options,
    env: { GIT_ALLOWED_PROTOCOLS: 'https,http,ssh', GIT_ALLOWED_HOSTS: '127.0.0.1,LocalHost', ...options.env },
  })

export interface RemoteProject extends AsyncDisposable {
  readonly id: string
  readonly repository: RemoteRepository
  readonly remote: GitServer
}

/** A project that was cloned with a token, and its remote. */
export const remoteProject = async (server: TestServer): Promise<RemoteProject> => {
  const stack = new AsyncDisposableStack()
  const repository = stack.use(await createRemoteRepository())
  const remote = stack.use(await serveGit(repository, password))
  const source = { gitUrl: { url: remote.url, credential: { accessToken: token } } }
  const id = await readyProject(server, { source })
  return { id, repository, remote, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** A server where the test decides who settles a commit and when, and a project with a remote. */
export const withoutWorkers = async () => {
  const own = new AsyncDisposableStack()
  const { url: databaseUrl } = own.use(await createTestDatabase())
  const { path: dataDir } = own.use(await temporaryDirectory())
  const earlier = await startRemoteServer({ databaseUrl, dataDir })
  const project = own.use(await remoteProject(earlier))
  await earlier[Symbol.asyncDispose]()
  const idle = own.use(await startRemoteServer({ databaseUrl, dataDir, pools: {} }))
  return { idle, project, [Symbol.asyncDispose]: () => own.disposeAsync() }
}

export interface ShownProject {
  readonly name: string
  readonly status: string
  readonly failure: string | null
  readonly headCommit: string
  readonly targetBranch: string
  readonly remoteUrl: string | null
  readonly hasRemoteCredential: boolean
  readonly pushOnCommit: boolean
  readonly budget: { readonly maxCostUsd: number | null; readonly maxTokens: number | null } | null
}

export const shownProject = async (server: TestServer, id: string): Promise<ShownProject> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Project {
      name status failure headCommit targetBranch remoteUrl hasRemoteCredential pushOnCommit
      budget { maxCostUsd maxTokens }
    } } }`,
    { id },
  )
  return node
}

export const update = (server: TestServer, id: string, fields: object, as?: string) =>
  mutate(server, 'updateProject', { input: { id, ...fields } }, as)

/** Where the project's branch stands, by git. */
export const headHere = (server: TestServer, id: string) => gitOf(server, id, 'rev-parse', 'refs/heads/main')

let files = 0

/** A diff of a file of its own that is approved. */
export const approvedDiff = async (server: TestServer, projectId: string): Promise<ShownDiff> => {
  const diff = await proposed(server, projectId, { content: addsFile(`file-${files++}.txt`, ['a line']) })
  const { status, message } = await review(server, diff)
  if (status !== 'APPROVED') throw new Error(`It is ${status}: ${message}`)
  return diff
}

/** A diff that is committed. */
export const committedDiff = async (server: TestServer, projectId: string): Promise<{ id: string; oid: string }> => {
  const { id } = await approvedDiff(server, projectId)
  const { commit: made, message } = await commit(server, id)
  if (!made) throw new Error(message)
  return { id, oid: made.oid }
}

/** The tables whose rows have a text somewhere in them. */
export const tablesWith = async (server: TestServer, text: string): Promise<string[]> => {
  const db = rows(server.context.services.em())
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db)
  const having: string[] = []
  for (const { name } of tables.rows) {
    const found = await sql`
      select 1 from ${sql.table(name)} as each where position(${text} in each::text) > 0 limit 1`.execute(db)
    if (found.rows.length > 0) having.push(name)
  }
  return having
}
