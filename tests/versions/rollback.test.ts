import { afterAll, beforeAll, expect, it } from 'vitest'
import { everythingStored, globalId, made, mutate } from '../factories/api.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { tarOf } from './tar.ts'
import { committed, committedFile, gitOn, uploadVersion, versionOf } from './versions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: { maintenance: 4 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const treeOf = async (project: string, revision: string): Promise<string> =>
  (await gitOn(server, project, 'rev-parse', `${revision}^{tree}`)).toString().trim()

const rollBack = (versionId: string, token?: string) => mutate(server, 'rollbackToVersion', { versionId }, token)

const diffQuery = `query ($id: ID!) { node(id: $id) { ... on Diff {
  id origin status commitMessage baseCommit contentHash author { id } safety { evaluationHash } files { path kind }
} } }`

const changesFile = (path: string, from: string, to: string) =>
  [`diff --git a/${path} b/${path}`, `--- a/${path}`, `+++ b/${path}`, '@@ -1 +1 @@', `-${from}`, `+${to}`, ''].join(
    '\n',
  )

it('a rollback is a diff that, once committed, brings back exactly the content of the version', async () => {
  const project = await readyProject(server)
  await committedFile(server, project, 'a.py', ['a = 1'])
  const version = await versionOf(server, project, { message: 'Reviewed by nobody\n\nA longer text' })
  const wanted = await treeOf(project, 'main')
  await committed(server, project, changesFile('a.py', 'a = 1', 'a = 2'))
  await committedFile(server, project, 'b.txt')

  const id = await made(server, 'rollbackToVersion', { versionId: version })
  const { node: diff } = await server.query(diffQuery, { id })
  expect(diff).toMatchObject({
    origin: 'REVERT',
    status: 'PROPOSED',
    baseCommit: (await gitOn(server, project, 'rev-parse', 'main')).toString().trim(),
    commitMessage: expect.stringMatching(
      new RegExp(`^Roll back to "Reviewed by nobody"\\n\\n.*version ${rowId(version)} `),
    ),
  })
  expect(diff.files).toEqual([
    { path: 'a.py', kind: 'MODIFIED' },
    { path: 'b.txt', kind: 'DELETED' },
  ])
  expect(await treeOf(project, 'main')).not.toBe(wanted)
  const hashes = { contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
  await made(server, 'reviewDiff', { diffId: id, verdict: 'APPROVE', ...hashes })
  await made(server, 'commitDiff', { diffId: id })
  expect(await treeOf(project, 'main')).toBe(wanted)
  expect(await rollBack(version)).toMatchObject({ __typename: 'PatchRejectedError', code: 'PATCH_REJECTED' })
})

it('a rollback to an uploaded archive replaces the content, binary files and modes too', async () => {
  const project = await readyProject(server)
  await committedFile(server, project, 'old.txt')
  const bytes = await tarOf([
    { name: 'new.bin', content: Buffer.from([0, 1, 2, 255, 254, 0]) },
    { name: 'run.sh', content: 'true\n', mode: 0o755 },
  ])
  const { id: version = '' } = await uploadVersion(server, project, bytes)
  const id = await made(server, 'rollbackToVersion', { versionId: version })
  const { node: diff } = await server.query(diffQuery, { id })
  const hashes = { contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
  await made(server, 'reviewDiff', { diffId: id, verdict: 'APPROVE', ...hashes })
  await made(server, 'commitDiff', { diffId: id })
  expect(await treeOf(project, 'main')).toBe(await treeOf(project, `refs/countersign/versions/${rowId(version)}`))
})

it('a second click gives the same diff and stores nothing', async () => {
  const project = await readyProject(server)
  const version = await versionOf(server, project)
  await committedFile(server, project, 'a.txt')
  const ids = await Promise.all([rollBack(version), rollBack(version)])
  expect(ids[0]).toMatchObject({ __typename: 'Diff', id: ids[1]?.id })
  const rowsBefore = (await everythingStored(server)) as { counts: object }
  expect(await rollBack(version)).toEqual(ids[0])
  expect(((await everythingStored(server)) as { counts: object }).counts).toEqual(rowsBefore.counts)
})

it('a rollback to what is there is refused with NO_CHANGE and leaves nothing', async () => {
  const project = await readyProject(server)
  const version = await versionOf(server, project)
  const before = await everythingStored(server)
  expect(await rollBack(version)).toMatchObject({
    __typename: 'PatchRejectedError',
    message: expect.stringContaining('has the content of this version'),
  })
  expect(await everythingStored(server)).toEqual(before)
})

it('a rollback to code that does not parse is refused', async () => {
  const project = await readyProject(server)
  const { id = '' } = await uploadVersion(server, project, await tarOf([{ name: 'a.py', content: 'def (:\n' }]))
  expect(await rollBack(id)).toMatchObject({ __typename: 'SyntaxRejectedError' })
})

it('a rollback needs an AUTHOR of the project, and a version that they can see', async () => {
  const project = await readyProject(server)
  const version = await versionOf(server, project)
  await committedFile(server, project, 'a.txt')
  const viewer = await actorWithToken(server, { name: 'a viewer' })
  const stranger = await actorWithToken(server, { name: 'a stranger' })
  await made(server, 'setProjectMember', { projectId: project, actorId: viewer.id, role: 'VIEWER' })
  expect(await rollBack(version, viewer.token)).toMatchObject({ __typename: 'ForbiddenError', requiredRole: 'AUTHOR' })
  expect(await rollBack(version, stranger.token)).toMatchObject({ __typename: 'NotFoundError' })
  const unknown = globalId('Version', '6f1c1e2a-0000-4000-8000-000000000000')
  expect(await rollBack(unknown)).toMatchObject({ __typename: 'NotFoundError' })
  await made(server, 'archiveProject', { id: project })
  expect(await rollBack(version)).toMatchObject({ __typename: 'ValidationError' })
})
