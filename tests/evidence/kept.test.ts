import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkSigningKey } from '../../src/cli/doctor/signing.ts'
import { readConfig } from '../../src/config.ts'
import { fsckProjects } from '../../src/domain/maintenance/fsck-projects.ts'
import { tendRepository } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import { cloneOfProject, committedChange, noteOf } from '../factories/evidence.ts'
import { gitOf } from '../factories/gate.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const { signal } = new AbortController()

const faultsOf = async (projectId: string) => {
  const found: { what: string; id: string | null; problem: string; remedy: string }[] = []
  const options = { projectId: rowId(projectId), signal }
  for await (const { faults } of fsckProjects(server.context.services, options)) found.push(...faults)
  return found.map(({ what, id, problem, remedy }) => ({ what, id, problem, remedy }))
}

it('fsck tells of a commit whose note is gone or another, and a clone that has it heals both', async () => {
  const projectId = await readyProject(server)
  const first = await committedChange(server, projectId)
  const second = await committedChange(server, projectId)
  await using clone = await cloneOfProject(server, projectId)
  expect(await faultsOf(projectId)).toEqual([])
  const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
  const notes = ['notes', '--ref=countersign']
  await gitOf(server, projectId, ...identity, ...notes, 'copy', '-f', first.oid, second.oid)
  await gitOf(server, projectId, ...identity, ...notes, 'remove', first.oid)
  const remedy = expect.stringContaining('git fetch PLACE refs/notes/countersign')
  const [gone, other] = [rowId(first.diff.id), rowId(second.diff.id)]
  const found = await faultsOf(projectId)
  expect(found).toHaveLength(2)
  expect(found).toContainEqual({
    what: 'evidence',
    id: gone,
    problem: `Its commit ${first.oid} names evidence, and has no note under refs/notes/countersign.`,
    remedy,
  })
  expect(found).toContainEqual({
    what: 'evidence',
    id: other,
    problem: `The note of its commit ${second.oid} is not the evidence that the commit names.`,
    remedy,
  })
  await gitOf(server, projectId, 'fetch', '-q', clone.path, '+refs/notes/countersign:refs/notes/countersign')
  expect(await faultsOf(projectId)).toEqual([])
})

it('maintenance keeps the notes', async () => {
  const projectId = await readyProject(server)
  const { oid } = await committedChange(server, projectId)
  const before = await noteOf(server, projectId, oid)
  await tendRepository(server.context.services, rowId(projectId), { ...defaultMaintenance }, signal)
  expect(await noteOf(server, projectId, oid)).toEqual(before)
  const next = await committedChange(server, projectId)
  expect(await noteOf(server, projectId, next.oid)).toBeDefined()
  expect(await faultsOf(projectId)).toEqual([])
})

it('doctor shows the fingerprint of the key, and makes none', async () => {
  const { keyId } = server.context.services.signer
  const { dataDir } = server.config
  expect(await checkSigningKey(readConfig({ DATA_DIR: dataDir }))).toMatchObject({
    status: 'ok',
    detail: `signed with ${keyId}`,
  })
  const given = readConfig({ DATA_DIR: dataDir, SIGNING_KEY: '1'.repeat(64) })
  const configured = await checkSigningKey(given)
  expect(configured).toMatchObject({ status: 'ok', detail: expect.stringMatching(/^signed with [0-9a-f]{64}, from/) })
  expect(configured.detail).not.toContain(keyId)
  await using empty = await temporaryDirectory()
  const file = join(empty.path, 'signing-key')
  expect(await checkSigningKey(readConfig({ DATA_DIR: empty.path }))).toMatchObject({ status: 'ok', remedy: null })
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  await writeFile(file, 'no key')
  expect(await checkSigningKey(readConfig({ DATA_DIR: empty.path }))).toMatchObject({ status: 'missing' })
})
