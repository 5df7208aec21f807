import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { gitOf, proposed, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { countersign, jsonLines } from '../support/command.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { fastParent, temporaryDirectory } from '../support/temporary-directory.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const deployed = () => ({ DATABASE_URL: server.config.databaseUrl, DATA_DIR: server.config.dataDir })

it('fsck beside a running server: 0 and a summary when all is sound; a line for each fault, and 1, when not', async () => {
  const sound = await readyProject(server, { name: 'sound' })
  await sqlOf(server, 'update project set name = $2 where id = $1', [rowId(sound), 'sound\u001b[31m'])
  const broken = await readyProject(server, { name: 'broken' })
  const diff = await proposed(server, broken, { content: addsFile('a.txt', ['a']) })
  const before = await countersign(deployed(), 'fsck')
  expect(before).toMatchObject({ code: 0, stderr: '' })
  expect(before.stdout).toContain('2 projects looked at, no faults.')
  expect(before.stdout).not.toContain('\u001b')

  const [row] = await sqlOf(server, 'select result_tree from diff where id = $1', [rowId(diff.id)])
  const tree = String(row?.result_tree)
  const { git } = server.context.services
  await rm(join(git.directory(rowId(broken)), 'objects', tree.slice(0, 2), tree.slice(2)))
  const told = await countersign(deployed(), 'fsck', '--json')
  expect(told.code).toBe(1)
  const faults = jsonLines(told.stdout)
  expect(faults.at(-1)).toEqual({ type: 'fsck', projects: 2, faults: faults.length - 1 })
  expect(faults).toContainEqual({
    type: 'fault',
    projectId: rowId(broken),
    what: 'diff',
    id: rowId(diff.id),
    problem: `Its result tree ${tree} is not in the repository, or cannot be read.`,
    remedy: expect.stringContaining('backup'),
  })
  const plain = await countersign(deployed(), 'fsck', '--quiet')
  expect(plain.code).toBe(1)
  expect(plain.stdout.trim().split('\n')).toHaveLength(faults.length - 1)
  expect(plain.stdout).toContain(`project ${rowId(broken)}: diff ${rowId(diff.id)}: Its result tree`)

  const one = await countersign(deployed(), 'fsck', '--project', sound, '--json')
  expect(one.code).toBe(0)
  expect(jsonLines(one.stdout)).toEqual([{ type: 'fsck', projects: 1, faults: 0 }])
  expect((await countersign(deployed(), 'fsck', '--project', rowId(broken))).code).toBe(1)
})

it('fsck of a project that there is not, or of no id at all, is a matter of usage', async () => {
  const unknown = await countersign(deployed(), 'fsck', '--project', '00000000-0000-4000-8000-000000000000')
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no project') })
  const none = await countersign(deployed(), 'fsck', '--project', '../../etc/passwd')
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("is no project's id") })
  expect((await countersign(deployed(), 'fsck', 'everything')).code).toBe(2)
})

it('fsck changes nothing', async () => {
  const projectId = await readyProject(server)
  await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
  const stored = async () => [
    await gitOf(server, projectId, 'for-each-ref'),
    await gitOf(server, projectId, 'count-objects', '-v'),
    await sqlOf(server, 'select * from project where id = $1', [rowId(projectId)]),
    await sqlOf(server, 'select count(*) from event'),
    await sqlOf(server, 'select count(*) from outbox'),
  ]
  const before = await stored()
  expect((await countersign(deployed(), 'fsck', '--project', projectId)).code).toBe(0)
  expect(await stored()).toEqual(before)
})

it('fsck works on the embedded database, while the server has it open and when nobody has', async () => {
  await using directory = await temporaryDirectory(await fastParent())
  const env = { DATA_DIR: directory.path, SANDBOX: 'none' }
  await using running = await startServerProcess(env)
  const { createProject } = await running.query(
    'mutation ($input: CreateProjectInput!) { createProject(input: $input) { ... on Project { id } } }',
    { input: { name: 'kept', source: { empty: true } } },
  )
  const isReady = async () => {
    const { node } = await running.query('query ($id: ID!) { node(id: $id) { ... on Project { status } } }', {
      id: createProject.id,
    })
    return node.status === 'READY'
  }
  while (!(await isReady()));
  const beside = await countersign(env, 'fsck', '--json')
  expect(beside).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines(beside.stdout)).toEqual([{ type: 'fsck', projects: 1, faults: 0 }])
  expect(await running.end('SIGTERM')).toBe(0)
  const alone = await countersign(env, 'fsck', '--json')
  expect(alone).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines(alone.stdout)).toEqual([{ type: 'fsck', projects: 1, faults: 0 }])
})
