import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { createVersion } from '../../src/domain/version/create-version.ts'
import { refuseBrokenText } from '../../src/http/plugins.ts'
import { everythingStored, globalId, made } from '../factories/api.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { tarOf } from './tar.ts'
import { committedFile, gitOn, shownVersion, tryVersion, uploadVersion, versionOf, versionRefs } from './versions.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer({ pools: { maintenance: 4 } })
  projectId = await readyProject(server, { source: { template: 'calculator-python' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const headOf = async (id: string): Promise<string> =>
  (await server.query('query ($id: ID!) { node(id: $id) { ... on Project { headCommit } } }', { id })).node.headCommit

const upload = async (names: readonly string[] = ['a.txt', 'b/c.txt']) =>
  gzipSync(await tarOf(names.map((name) => ({ name, content: `${name}\n` }))))

describe('a version', () => {
  it("is of the target branch's head when nothing is named, and is kept under its own reference", async () => {
    const id = await versionOf(server, projectId, { message: 'The first one' })
    const version = await shownVersion(server, id)
    expect(version).toMatchObject({
      id,
      commit: await headOf(projectId),
      message: 'The first one',
      parent: null,
      project: { id: projectId },
      createdBy: { name: expect.any(String) },
      archiveUrl: `/versions/${rowId(id)}.tar.gz`,
    })
    expect(version.manifest.fileCount).toBeGreaterThan(3)
    const kept = await gitOn(server, projectId, 'rev-parse', `refs/countersign/versions/${rowId(id)}`)
    expect(kept.toString().trim()).toBe(version.commit)
  })

  it('stays what it was when the branch moves on, and its successor names it', async () => {
    const project = await readyProject(server)
    const first = await versionOf(server, project)
    const before = await shownVersion(server, first)
    await committedFile(server, project, 'later.txt')
    const second = await versionOf(server, project)
    expect(await shownVersion(server, first)).toEqual(before)
    expect(await shownVersion(server, second)).toMatchObject({
      parent: { id: first },
      manifest: { fileCount: 1, entries: { nodes: [{ path: 'later.txt', mode: '100644', size: 10 }] } },
    })
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { versions { nodes { id } } } } }',
      { id: project },
    )
    expect(node.versions.nodes).toEqual([{ id: second }, { id: first }])
  })

  it.each([
    ['a branch', () => 'main'],
    ['a whole commit id', (head: string) => head],
    ['a short commit id', (head: string) => head.slice(0, 10)],
  ])('is of %s', async (_name, revision) => {
    const project = await readyProject(server)
    const old = await headOf(project)
    await committedFile(server, project, 'later.txt')
    const wanted = revision(old)
    const { commit } = await shownVersion(server, await versionOf(server, project, { revision: wanted }))
    expect(commit).toBe(wanted === 'main' ? await headOf(project) : old)
  })

  it('is of a tag', async () => {
    const project = await readyProject(server)
    const old = await headOf(project)
    await gitOn(server, project, 'tag', 'v1.0', old)
    await committedFile(server, project, 'later.txt')
    expect(await shownVersion(server, await versionOf(server, project, { revision: 'v1.0' }))).toMatchObject({
      commit: old,
      manifest: { fileCount: 0, totalBytes: 0, entries: { nodes: [] } },
    })
  })

  it('is of an uploaded archive, and no branch moves', async () => {
    const head = await headOf(projectId)
    const { id } = await uploadVersion(server, projectId, await upload())
    const version = await shownVersion(server, id ?? '')
    expect(version.manifest.entries.nodes.map(({ path }: { path: string }) => path)).toEqual(['a.txt', 'b/c.txt'])
    expect(await headOf(projectId)).toBe(head)
    expect((await gitOn(server, projectId, 'rev-parse', 'main')).toString().trim()).toBe(head)
    expect((await gitOn(server, projectId, 'log', '-1', '--format=%P%s', version.commit)).toString()).toBe(
      'An upload\n',
    )
  })

  it('is of an upload whose bytes are not looked at as if they were text', () => {
    const upload = {
      stream: () => new ReadableStream(),
      get bytes(): never {
        throw new Error('A member was looked at.')
      },
    }
    const plugin = refuseBrokenText()
    const refused = (variableValues: object) => {
      let result: unknown
      const setResultAndStopExecution = (given: unknown) => {
        result = given
      }
      plugin.onExecute?.({ args: { variableValues }, setResultAndStopExecution } as never)
      return result
    }
    expect(refused({ input: { archive: upload } })).toBeUndefined()
    expect(refused({ input: { archive: upload, message: '\ud800' } })).toBeDefined()
  })

  it('is of an archive of 26 MiB', async () => {
    const size = 26 * 1024 * 1024
    const answer = await uploadVersion(server, projectId, await tarOf([{ name: 'large', content: Buffer.alloc(size) }]))
    expect((await shownVersion(server, answer.id ?? '')).manifest).toMatchObject({ fileCount: 1, totalBytes: size })
  })

  it('has its files', async () => {
    const { id } = await uploadVersion(server, projectId, await upload())
    const query = `query ($id: ID!) { node(id: $id) { ... on Version {
      there: file(path: "b/c.txt") { text sha256 } not: file(path: "b") { text } } } }`
    expect((await server.query(query, { id })).node).toEqual({
      there: { text: 'b/c.txt\n', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      not: null,
    })
  })

  it('of the same content as another shares its objects and digests', async () => {
    const project = await readyProject(server)
    const db = rows(server.context.services.em())
    const stored = async () => ({
      digests: (await db.selectFrom('BlobDigest').selectAll().where('projectId', '=', rowId(project)).execute()).length,
      contents: (await gitOn(server, project, 'cat-file', '--batch-check', '--batch-all-objects'))
        .toString()
        .split('\n')
        .filter((line) => line.includes(' blob ')).length,
    })
    const first = await uploadVersion(server, project, await upload())
    const before = await stored()
    const second = await uploadVersion(server, project, await upload(), { message: 'Again' })
    expect(before).toEqual({ digests: 2, contents: 2 })
    expect(await stored()).toEqual(before)
    expect((await shownVersion(server, first.id ?? '')).manifest).toEqual(
      (await shownVersion(server, second.id ?? '')).manifest,
    )
  })
})

describe('a second click', () => {
  it('with the same clientMutationId gives the same version and stores nothing', async () => {
    const input = { clientMutationId: 'one click' }
    const { id } = await uploadVersion(server, projectId, await upload(['x.txt']), input)
    const before = await everythingStored(server)
    expect(await uploadVersion(server, projectId, await upload(['x.txt']), input)).toMatchObject({ id })
    expect(await everythingStored(server)).toEqual(before)
  })

  it('at the same time makes one version and leaves no reference of the other', async () => {
    const project = await readyProject(server)
    const ids = await Promise.all(
      Array.from({ length: 4 }, () => versionOf(server, project, { clientMutationId: 'four clicks' })),
    )
    expect(new Set(ids).size).toBe(1)
    expect(await versionRefs(server, project)).toEqual([`refs/countersign/versions/${rowId(ids[0] ?? '')}`])
  })

  it('without one makes versions in a line, each after the other', async () => {
    const project = await readyProject(server)
    await Promise.all(Array.from({ length: 5 }, () => versionOf(server, project)))
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { versions { nodes { id parent { id } } } } } }',
      { id: project },
    )
    const { nodes } = node.versions
    expect(nodes).toHaveLength(5)
    expect(nodes.map((version: { parent: { id: string } | null }) => version.parent?.id ?? null)).toEqual([
      ...nodes.slice(1).map(({ id }: { id: string }) => id),
      null,
    ])
  })
})

describe('a version that is refused', () => {
  const refused = async (input: object, project = projectId) => {
    const before = await everythingStored(server)
    const answer = await tryVersion(server, project, input)
    expect(await everythingStored(server)).toEqual(before)
    return answer
  }
  const faultAt = (path: string, message: RegExp) => ({
    __typename: 'ValidationError',
    fieldErrors: [{ path: [path], message: expect.stringMatching(message) }],
  })

  it.each([
    ['an unknown revision', { revision: 'nothing' }, 'revision', /names no branch, tag or commit/],
    ['an empty revision', { revision: '' }, 'revision', /empty/],
    ['a revision that is an option', { revision: '--all' }, 'revision', /names no/],
    ['a revision that climbs', { revision: 'main~1' }, 'revision', /names no/],
    ['a hidden reference', { revision: 'refs/countersign/diffs/x' }, 'revision', /names no/],
    ['a tree', { revision: '4b825dc642cb6eb9a060e54bf8d69288fbee4904' }, 'revision', /names no/],
    ['an empty message', { message: ' ' }, 'message', /empty/],
    ["a message with the server's trailers", { message: 'x\n\nReviewed-by: somebody' }, 'message', /trailers/],
    ['a message with a NUL', { message: 'a\u0000b' }, 'message', /control/],
  ])('for %s says so at the field and leaves nothing', async (_name, input, path, message) => {
    expect(await refused(input)).toMatchObject(faultAt(path, message))
  })

  it('for its archive says so at the archive, names the entry, and leaves nothing', async () => {
    const before = await everythingStored(server)
    const bytes = gzipSync(
      await tarOf([
        { name: 'fine', content: 'x' },
        { name: '../escaped', content: 'x' },
      ]),
    )
    const answer = await uploadVersion(server, projectId, bytes)
    expect(answer).toMatchObject(faultAt('archive', /"\.\.\/escaped" climbs/))
    expect(await everythingStored(server)).toEqual(before)
  })

  it('for a revision beside an archive says so at the archive', async () => {
    const answer = await uploadVersion(server, projectId, await upload(), { revision: 'main' })
    expect(answer).toMatchObject(faultAt('archive', /instead of a revision/))
  })

  it('for a project that is out of use says so', async () => {
    const project = await readyProject(server)
    await made(server, 'archiveProject', { id: project })
    expect(await refused({}, project)).toMatchObject(faultAt('projectId', /ARCHIVED/))
  })

  it('by the database leaves no reference to be seen as a version', async () => {
    await using own = await startTestServer({ pools: { maintenance: 1 } })
    const project = await readyProject(own)
    const { services } = own.context
    await sql`alter table version add constraint none check (false)`.execute(rows(services.em()))
    const viewer = await authenticate(services, own.token)
    if (!viewer) throw new Error('The administrator is not known.')
    const input = { projectId: rowId(project), message: 'x' }
    await expect(createVersion(services, viewer, input)).rejects.toThrow('none')
    expect(await rows(services.em()).selectFrom('Version').select('id').execute()).toEqual([])
  })
})

describe('who may', () => {
  it('a VIEWER reads versions and makes none; who is no member finds neither the project nor the version', async () => {
    const version = await versionOf(server, projectId)
    const viewer = await actorWithToken(server, { name: 'a viewer' })
    const stranger = await actorWithToken(server, { name: 'a stranger' })
    await made(server, 'setProjectMember', { projectId, actorId: viewer.id, role: 'VIEWER' })
    expect(await tryVersion(server, projectId, {}, viewer.token)).toMatchObject({
      __typename: 'ForbiddenError',
      requiredRole: 'AUTHOR',
    })
    expect(await shownVersion(server, version, viewer.token)).toMatchObject({ id: version })
    expect(await tryVersion(server, projectId, {}, stranger.token)).toMatchObject({ __typename: 'NotFoundError' })
    expect(await shownVersion(server, version, stranger.token)).toBeNull()
  })

  it("an AUTHOR makes one, but cannot name another project's commit", async () => {
    const author = await actorWithToken(server, { name: 'an author' })
    await made(server, 'setProjectMember', { projectId, actorId: author.id, role: 'AUTHOR' })
    await versionOf(server, projectId, {}, author.token)
    const other = await readyProject(server)
    await committedFile(server, other, 'secret.txt')
    const answer = await tryVersion(server, projectId, { revision: await headOf(other) }, author.token)
    expect(answer).toMatchObject({ __typename: 'ValidationError' })
  })

  it('an id of another type names nothing', async () => {
    expect(await shownVersion(server, globalId('Version', rowId(projectId)))).toBeNull()
  })
})
