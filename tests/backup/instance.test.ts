import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { takeBackup } from '../../src/adapters/backup/take-backup.ts'
import { fsckProjects } from '../../src/domain/maintenance/fsck-projects.ts'
import { maintainProject, tendRepository } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import { commit, diffState, gitAt, gitOf, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { backedUp, newPlace, type Place, restored } from './places.ts'

/** While it is there, no branch of the server moves. */
let hold: PromiseWithResolvers<void> | undefined

let server: TestServer
let place: Place
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  const git = (store: TestServer['context']['services']['git']) => ({
    ...store,
    async moveBranch(...move: Parameters<typeof store.moveBranch>) {
      await hold?.promise
      return await store.moveBranch(...move)
    },
  })
  const same = <Seam>(seam: Seam) => seam
  const overrides = { intercept: { em: same, models: same, queues: same, git } }
  server = stack.use(await startTestServer({ rehearsal: false, overrides }))
  place = stack.use(await newPlace(false))
})
afterAll(() => stack.disposeAsync())

const stores = () => ({ databaseUrl: String(server.config.databaseUrl), dataDir: server.config.dataDir })
const signal = new AbortController().signal

const approved = async (projectId: string, path: string): Promise<ShownDiff> => {
  const diff = await proposed(server, projectId, { content: addsFile(path, ['a line']) })
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

type CopyOut = Parameters<typeof takeBackup>[0]['git']['copyOut']

/** Does something between the moment of the rows and the copies of the repositories. */
const afterTheRows = (work: () => Promise<void>) => {
  const { git } = server.context.services
  let done: Promise<void> | undefined
  const copyOut: CopyOut = async (...args) => {
    done ??= work()
    await done
    return await git.copyOut(...args)
  }
  return { git: { ...git, copyOut } }
}

const faultsIn = async (restoredServer: TestServer) => {
  const faults: unknown[] = []
  for await (const { faults: found } of fsckProjects(restoredServer.context.services, {
    projectId: undefined,
    signal,
  })) {
    faults.push(...found)
  }
  return faults
}

it('a backup of a server at work, restored into an empty instance, is of one moment, and work goes on from it', async () => {
  const projectId = await readyProject(server, { name: 'first' })
  const before = await approved(projectId, 'before.txt')
  expect(await commit(server, before.id)).toMatchObject({ status: 'COMMITTED' })
  const head = await gitOf(server, projectId, 'rev-parse', 'main')
  const { createVersion } = await server.query(
    `mutation ($id: ID!) { createVersion(input: { projectId: $id, message: "one" }) { __typename } }`,
    { id: projectId },
  )
  expect(createVersion).toEqual({ __typename: 'Version' })
  const waiting = await approved(projectId, 'waiting.txt')
  // What a workspace was, and no reference reaches.
  const { services } = server.context
  const base = await services.git.treeOf(rowId(projectId), head)
  const content = Buffer.from('unreached\n')
  const tree = await services.git.changeTree(rowId(projectId), base, [{ path: 'deep/er.txt', content }])
  await sqlOf(
    server,
    `insert into agent_run (id, project_id, purpose, role, status, message, history, start_tree, subagents, created_by_id, created_at)
     select gen_random_uuid(), $1, 'RUN', 'coder', 'SUCCEEDED', 'A run', '[]', $2, '[]', id, now() from actor limit 1`,
    [rowId(projectId), tree],
  )
  const second = await readyProject(server, { name: 'second' })
  const decided = await approved(second, 'decided.txt')
  hold = Promise.withResolvers()
  const committing = commit(server, decided.id)
  await expect.poll(async () => (await diffState(server, decided.id)).status, { timeout: 60_000 }).toBe('COMMITTING')

  const later = async () => {
    hold?.resolve()
    hold = undefined
    expect(await committing).toMatchObject({ status: 'COMMITTED' })
    expect(await commit(server, waiting.id)).toMatchObject({ status: 'COMMITTED' })
    await readyProject(server, { name: 'third' })
  }
  const backup = await backedUp(stores(), afterTheRows(later))
  const { eventCursor } = await server.query('{ eventCursor }')
  expect(await gitOf(server, projectId, 'rev-parse', 'main')).not.toBe(head)
  await restored(backup, place)

  // Nobody works on anything at first: it is looked at as it was restored.
  const { databaseUrl, dataDir } = place
  {
    await using still = await startTestServer({ rehearsal: false, databaseUrl, dataDir, pools: {} })
    expect(still.token).toBe(server.token)
    expect(await faultsIn(still)).toEqual([])
    const { projects } = await still.query('{ projects { nodes { name } } }')
    expect(projects.nodes.map(({ name }: { name: string }) => name).sort()).toEqual(['first', 'second'])
    expect(await gitOf(still, projectId, 'rev-parse', 'main')).toBe(head)
    expect((await diffState(still, before.id)).status).toBe('COMMITTED')
    expect((await diffState(still, waiting.id)).status).toBe('APPROVED')
    expect((await diffState(still, decided.id)).status).toBe('COMMITTING')
    const unreached = await still.context.services.git.readFile(rowId(projectId), tree, 'deep/er.txt')
    expect(unreached).toEqual(await services.git.readFile(rowId(projectId), tree, 'deep/er.txt'))
    expect(unreached).not.toBeNull()
    const subscription = still.subscribe('subscription ($after: String) { events(after: $after) { cursor } }', {
      after: eventCursor,
    })
    await expect(subscription.next()).resolves.toMatchObject({
      value: { errors: [{ extensions: { code: 'CURSOR_TOO_OLD' } }] },
    })
  }
  await using lively = await startTestServer({ rehearsal: false, databaseUrl, dataDir })
  await expect.poll(async () => (await diffState(lively, decided.id)).status, { timeout: 60_000 }).toBe('COMMITTED')
  expect(await gitOf(lively, second, 'rev-parse', 'main')).toBe(await gitOf(server, second, 'rev-parse', 'main'))
  expect(await commit(lively, waiting.id)).toMatchObject({ status: 'COMMITTED' })
  await readyProject(lively, { name: 'made after the restore' })
  expect(await faultsIn(lively)).toEqual([])
})

it('maintenance lets go of nothing while a backup copies, and is due as before when that has ended', async () => {
  const projectId = await readyProject(server)
  const maintainedAt = async () => {
    const [row] = await sqlOf(server, 'select maintained_at from project where id = $1', [rowId(projectId)])
    return row?.maintained_at
  }
  const settings = { ...defaultMaintenance, intervalMs: 0 }
  const maintain = () => maintainProject(server.context.services, rowId(projectId), signal, settings)
  const seen: unknown[] = []
  await backedUp(
    stores(),
    afterTheRows(async () => {
      await maintain()
      seen.push(await maintainedAt())
    }),
  )
  expect(seen).toEqual([null])
  await maintain()
  expect(await maintainedAt()).toBeInstanceOf(Date)
})

it('a backup waits for maintenance that is under way, and for a git that still packs', async () => {
  const projectId = await readyProject(server)
  const { services } = server.context
  const directory = services.git.directory(rowId(projectId))
  const empty = await services.git.treeOf(rowId(projectId), await gitOf(server, projectId, 'rev-parse', 'main'))
  // Nothing reaches it, and once packed it is where git keeps such objects apart.
  const file = { path: 'nobody.txt', content: Buffer.from('nobody\n') }
  const unreached = await services.git.changeTree(rowId(projectId), empty, [file])
  await tendRepository(services, rowId(projectId), defaultMaintenance, signal)
  await sqlOf(
    server,
    `insert into lease (resource, owner, fence, until, again) values ('maintenance:other', 'x', 1, now() + interval '1 hour', false)`,
  )
  const script = `exec flock "$1" sh -c 'echo held; exec cat'`
  const packing = spawn('sh', ['-c', script, 'sh', join(directory, 'countersign-alone')])
  await once(packing.stdout, 'data')
  const said: string[] = []
  const progress = (words: string) => {
    said.push(words)
    if (words.includes('a repository has been packed'))
      void sqlOf(server, `delete from lease where resource = 'maintenance:other'`)
    if (words.includes(rowId(projectId))) packing.stdin.end()
  }
  const { directory: made } = await backedUp(stores(), {}, { progress })
  expect(said).toEqual(expect.arrayContaining(['waiting until a repository has been packed']))
  expect(said.join('\n')).toContain(`the repository of the project ${rowId(projectId)} has been packed`)
  const index = join(made, 'index')
  await gitAt(directory, 'index-pack', '-o', index, join(made, 'repositories', `${rowId(projectId)}.pack`))
  expect((await readFile(index)).includes(Buffer.from(unreached, 'hex'))).toBe(true)
})

it('a repository that is damaged is named, and no backup is made of it', async () => {
  const projectId = await readyProject(server)
  await sqlOf(server, 'update project set head_commit = $2 where id = $1', [rowId(projectId), '1'.repeat(40)])
  await expect(backedUp(stores())).rejects.toThrow(`project ${rowId(projectId)} lacks its commit`)
})
