import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { type Header, pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createProject } from '../../src/domain/project/create-project.ts'
import { prepareProject } from '../../src/domain/project/prepare-project.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { everythingStored, made, mutate, mutationDocument } from '../factories/api.ts'
import { addsFile, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

const run = promisify(execFile)

let server: TestServer
let scratch: TemporaryDirectory
let remote: string
let remoteHead: string

const gitIn = async (directory: string, ...args: string[]): Promise<string> => {
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  const { stdout } = await run('git', ['-C', directory, ...args], { env })
  return stdout.trim()
}

/** A bare repository with two commits on a branch that is not called main. */
const makeRemote = async (path: string) => {
  const work = join(path, 'work')
  const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  await run('git', ['init', '-q', '-b', 'trunk', work])
  await gitIn(work, ...who, 'commit', '-q', '--allow-empty', '-m', 'first')
  await gitIn(work, ...who, 'commit', '-q', '--allow-empty', '-m', 'second')
  await run('git', ['clone', '-q', '--bare', work, join(path, 'remote.git')])
  return { url: `file://${join(path, 'remote.git')}`, head: await gitIn(work, 'rev-parse', 'HEAD') }
}

beforeAll(async () => {
  scratch = await temporaryDirectory()
  ;({ url: remote, head: remoteHead } = await makeRemote(scratch.path))
  server = await startTestServer({
    pools: { maintenance: 4, tests: 1 },
    env: { GIT_ALLOWED_PROTOCOLS: 'https,http,file' },
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await scratch[Symbol.asyncDispose]()
})

const projectQuery = `query ($id: ID!) { node(id: $id) { ... on Project {
  status failure targetBranch headCommit objectFormat remoteUrl
  entries { path } testCases { nodes { name command } } commits { nodes { oid message } }
} } }`

const shown = async (id: string) => (await server.query(projectQuery, { id })).node

/** A project's state once it is no longer being made. */
const settled = async (id: string) => {
  for (;;) {
    const project = await shown(id)
    if (project.status !== 'CREATING') return project
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const tar = async (entries: readonly (readonly [Partial<Header> & { name: string }, string?])[]): Promise<Buffer> => {
  const archive = pack()
  for (const [header, text = ''] of entries) archive.entry(header, text)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** An upload by the GraphQL multipart request specification. */
const upload = async (content: Uint8Array, input: object = {}, parts: { map?: string } = {}) => {
  const form = new FormData()
  const variables = { input: { name: 'uploaded', source: { archive: null }, ...input } }
  form.set('operations', JSON.stringify({ query: mutationDocument('createProject'), variables }))
  form.set('map', parts.map ?? '{"0":["variables.input.source.archive"]}')
  form.set('0', new Blob([new Uint8Array(content)]), 'project.tar.gz')
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, accept: 'application/json' },
    body: form,
  })
  return { status: response.status, ...(await response.json()) }
}

const archives = async (): Promise<string[]> => {
  try {
    return await readdir(join(server.config.dataDir, 'archives'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

describe('a project', () => {
  it('that is empty starts with a root commit on main', async () => {
    const project = await shown(await readyProject(server))
    expect(project).toMatchObject({ status: 'READY', targetBranch: 'main', objectFormat: 'SHA1', entries: [] })
    expect(project.commits.nodes).toEqual([{ oid: project.headCommit, message: expect.any(String) }])
  })

  it('of a template has its files and its test cases', async () => {
    const project = await shown(await readyProject(server, { source: { template: 'calculator-python' } }))
    expect(project.entries.map(({ path }: { path: string }) => path)).toContain('calculator')
    expect(project.testCases.nodes.length).toBeGreaterThan(0)
  })

  it('of a git URL has the history of its default branch', async () => {
    const project = await shown(await readyProject(server, { source: { gitUrl: { url: remote } } }))
    expect(project).toMatchObject({ headCommit: remoteHead, targetBranch: 'trunk', remoteUrl: remote })
    expect(project.commits.nodes.map(({ message }: { message: string }) => message.trim())).toEqual(['second', 'first'])
  })

  it('of a git URL without the branch that was asked for is FAILED and says so', async () => {
    const input = { name: 'x', source: { gitUrl: { url: remote } }, targetBranch: 'nothing' }
    const project = await settled(await made(server, 'createProject', { input }))
    expect(project).toMatchObject({
      status: 'FAILED',
      failure: expect.stringMatching(/fetch|nothing/),
      headCommit: null,
    })
  })

  it.each([
    'http://127.0.0.1:1/a.git',
    'https://localhost/a.git',
    'https://[::1]/a.git',
    'https://[::ffff:127.0.0.1]/a.git',
    'http://0x7f.1/a.git',
    'http://2130706433/a.git',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/a.git',
  ])('of %s is refused before anything is fetched: the host is not public', async (url) => {
    const answer = await mutate(server, 'createProject', { input: { name: 'x', source: { gitUrl: { url } } } })
    if (answer.__typename === 'ValidationError') {
      expect(answer.message).toMatch(/public/)
      return
    }
    expect(await settled(answer.id ?? '')).toMatchObject({
      status: 'FAILED',
      failure: expect.stringMatching(/not in a public network/),
    })
  })

  it('in SHA256 can be changed and committed to like any other', async () => {
    const { createProject } = await server.query(mutationDocument('createProject'), {
      input: { name: 'x', source: { empty: true }, objectFormat: 'SHA256' },
    })
    const project = await settled(createProject.id)
    expect(project).toMatchObject({ status: 'READY', objectFormat: 'SHA256', failure: null })
    expect(project.headCommit).toMatch(/^[0-9a-f]{64}$/)
    const diff = await proposedDiff(server, createProject.id, addsFile('a.txt', ['a']))
    const hashes = { contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
    await made(server, 'reviewDiff', { diffId: diff.id, verdict: 'APPROVE', ...hashes })
    await made(server, 'commitDiff', { diffId: diff.id })
    const directory = server.context.services.git.directory(rowId(createProject.id))
    expect(await gitIn(directory, 'rev-parse', '--show-object-format')).toBe('sha256')
    expect(await gitIn(directory, 'rev-parse', 'main^')).toBe(project.headCommit)
    expect(await gitIn(directory, 'show', 'main:a.txt')).toBe('a')
  })

  it('that FAILED or is being made takes no work, and says why', async () => {
    const input = { name: 'x', source: { gitUrl: { url: remote } }, targetBranch: 'nothing' }
    const id = await made(server, 'createProject', { input })
    await settled(id)
    expect(await mutate(server, 'createSpec', { input: { projectId: id, task: 'x' } })).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringMatching(/FAILED.*must be READY/s),
    })
  })
})

describe('an uploaded archive', () => {
  const good = (name = 'readme.txt') => tar([[{ name }, 'hello\n']])

  it.each([
    ['tar', (bytes: Buffer) => bytes],
    ['tar.gz', (bytes: Buffer) => gzipSync(bytes)],
  ])('as %s becomes the first commit, and is not kept', async (_name, wrap) => {
    const { data } = await upload(wrap(await good()))
    const project = await settled(data.createProject.id)
    expect(project).toMatchObject({ status: 'READY', entries: [{ path: 'readme.txt' }] })
    expect(project.commits.nodes).toHaveLength(1)
    await expect.poll(archives).toEqual([])
  })

  it.each<readonly [string, () => Promise<Buffer>, RegExp]>([
    ['with a path that climbs', () => tar([[{ name: '../escaped.txt' }, 'x']]), /\.\.\/escaped\.txt/],
    ['with an absolute path', () => tar([[{ name: '/tmp/escaped.txt' }, 'x']]), /escaped\.txt/],
    ['with a file in .git', () => tar([[{ name: '.git/config' }, 'x']]), /\.git/],
    ['with a file in .GIT', () => tar([[{ name: 'a/.GIT/config' }, 'x']]), /\.GIT/],
    ['with a symlink', () => tar([[{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }]]), /symlink/],
    ['with a hard link', () => tar([[{ name: 'a', type: 'link', linkname: '/etc/passwd' }]]), /hard link/],
    ['with a device', () => tar([[{ name: 'a', type: 'character-device' }]]), /device/],
    ['with nothing in it', () => tar([]), /no files/],
    ['that is no tar', async () => Buffer.from('not a tar at all'.repeat(100)), /damaged or no tar/],
    ['whose gzip is broken', async () => gzipSync(await good()).subarray(0, 40), /damaged or no tar/],
    ['that is empty', async () => Buffer.alloc(0), /no files|damaged/],
  ])('%s makes the project FAILED with the reason, and is not kept', async (_name, make, reason) => {
    const { data, errors } = await upload(await make())
    expect(errors).toBeUndefined()
    const project = await settled(data.createProject.id)
    expect(project).toMatchObject({ status: 'FAILED', failure: expect.stringMatching(reason), headCommit: null })
    await expect.poll(archives).toEqual([])
  })

  it.each([
    ['that is not there', '{}'],
    ['in another place', '{"0":["variables.input.name"]}'],
    ['in a place that does not exist', '{"0":["variables.nothing.at.all"]}'],
    ['that reaches for a prototype', '{"0":["variables.__proto__.archive"]}'],
    ['by a map that is no JSON', '{'],
  ])('%s is an error that stores nothing', async (_name, map) => {
    const before = await everythingStored(server)
    const { data, errors } = await upload(await good(), {}, { map })
    expect(data?.createProject?.id).toBeUndefined()
    expect(errors?.[0]?.message).not.toBe('Unexpected error.')
    expect(await everythingStored(server)).toEqual(before)
    expect(({} as { archive?: unknown }).archive).toBeUndefined()
  })

  it.each([
    ['a bad name', { name: '' }],
    ['a bad branch', { targetBranch: '--x' }],
    ['a bad budget', { budget: { maxTokens: -1 } }],
  ])('with %s leaves no file', async (_name, input) => {
    const before = await everythingStored(server)
    const { data } = await upload(await good(), input)
    expect(data.createProject.__typename).toBe('ValidationError')
    expect(await everythingStored(server)).toEqual(before)
  })

  it('as a plain string is refused', async () => {
    const { errors } = await server.request(mutationDocument('createProject'), {
      input: { name: 'x', source: { archive: '/etc/passwd' } },
    })
    expect(errors?.[0]?.message).toContain('archive')
  })

  it('sent five times with one clientMutationId makes one project and leaves no file', async () => {
    const bytes = gzipSync(await good())
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => upload(bytes, { clientMutationId: 'one upload' })),
    )
    const ids = new Set(answers.map(({ data }) => data.createProject.id))
    expect(ids.size).toBe(1)
    for (const id of ids) expect((await settled(String(id))).status).toBe('READY')
    await expect.poll(archives).toEqual([])
  })

  it('whose project cannot be stored leaves no file', async () => {
    await using own = await startTestServer({ pools: {} })
    const { services } = own.context
    await sql`drop table outbox cascade`.execute(rows(services.em()))
    const viewer = await authenticate(services, own.token)
    if (!viewer) throw new Error('The administrator is not known.')
    const archive = Readable.from([await good()])
    await expect(createProject(services, viewer, { name: 'x', source: { archive } })).rejects.toThrow('outbox')
    expect(await readdir(join(own.config.dataDir, 'archives'))).toEqual([])
  })
})

it('whoever makes a repository that is made already takes it as it is, with what was committed since', async () => {
  const id = await readyProject(server, { source: { gitUrl: { url: remote } } })
  const { services } = server.context
  const directory = services.git.directory(rowId(id))
  // As after a kill before the row was settled, or a pause in which another process was faster.
  const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  const oid = await gitIn(directory, ...who, 'commit-tree', '-p', 'trunk', '-m', 'since', 'trunk^{tree}')
  await gitIn(directory, 'update-ref', 'refs/heads/trunk', oid)
  await sql`update project set status = 'CREATING', head_commit = null, target_branch = null
    where id = ${rowId(id)}`.execute(rows(services.em()))
  await prepareProject(services, rowId(id), new AbortController().signal)
  expect(await shown(id)).toMatchObject({ status: 'READY', targetBranch: 'trunk', headCommit: oid })
  expect((await readdir(join(directory, '..'))).filter((name) => name.startsWith('.new-'))).toEqual([])
})
