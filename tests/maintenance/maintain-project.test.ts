import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { maintainProject, tendRepository } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { commit, gitOf, propose, proposed, review, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { countedObjects, makeOlder } from './old-repository.ts'

let server: TestServer
let services: Services
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
  services = server.context.services
})
afterAll(() => server[Symbol.asyncDispose]())

const stop = new AbortController().signal
const hour = 3_600_000

/** As if everything that is there had been made long ago. */
const longAfter = { ...defaultMaintenance, objectAgeMs: -60_000, refAgeMs: -60_000 }

const count = async (projectId: string) => countedObjects(await gitOf(server, projectId, 'count-objects', '-v'))

const abandon = async (projectId: string, name: string) => {
  const id = rowId(projectId)
  const head = await gitOf(server, projectId, 'rev-parse', 'main^{tree}')
  return services.git.applyPatch(id, head, addsFile(`${name}.txt`, [name]))
}

/** A commit of a tree, kept for a row that does not exist. @returns that row's id */
const keepForNobody = async (projectId: string, tree: string, kind: 'diffs' | 'candidates' | 'versions' = 'diffs') => {
  const nobody = { name: 'Nobody', email: 'nobody@example.com', at: new Date(0) }
  const request = { tree, parents: [], message: 'For nobody', author: nobody, committer: nobody }
  const id = randomUUID()
  await services.git.keep(rowId(projectId), kind, id, await services.git.writeCommit(rowId(projectId), request))
  return id
}

const maintainedAt = async (projectId: string) =>
  (await sqlOf(server, 'select maintained_at from project where id = $1', [rowId(projectId)]))[0]?.maintained_at

const makeLate = (projectId: string) =>
  sqlOf(server, `update project set created_at = created_at - interval '25 hours' where id = $1`, [rowId(projectId)])

it('a hundred patches that were refused or abandoned leave a repository no larger than it was', async () => {
  const projectId = await readyProject(server)
  await proposed(server, projectId, { content: addsFile('kept.txt', ['kept']) })
  await tendRepository(services, rowId(projectId), longAfter, stop)
  const before = await count(projectId)
  for (let index = 0; index < 5; index++) {
    const broken = await propose(server, projectId, { content: addsFile(`bad${index}.py`, ['def (:']) })
    expect(broken.__typename).toBe('SyntaxRejectedError')
  }
  for (let batch = 0; batch < 10; batch++) {
    const trees = await Promise.all(
      Array.from({ length: 10 }, (_, index) => abandon(projectId, `abandoned-${batch}-${index}`)),
    )
    for (const { tree } of trees.slice(0, 2)) await keepForNobody(projectId, tree)
  }
  expect((await count(projectId)).all).toBeGreaterThan(before.all + 200)
  await tendRepository(services, rowId(projectId), longAfter, stop)
  expect(await count(projectId)).toEqual(before)
  expect(await services.git.keptRefs(rowId(projectId))).toHaveLength(1)
})

it('two candidates with the same result share every object of it', async () => {
  const projectId = await readyProject(server)
  const id = rowId(projectId)
  const first = await abandon(projectId, 'same')
  await keepForNobody(projectId, first.tree, 'candidates')
  const one = await count(projectId)
  const second = await abandon(projectId, 'same')
  await keepForNobody(projectId, second.tree, 'candidates')
  expect(await count(projectId)).toEqual(one)
  expect((await services.git.keptRefs(id)).filter(({ kind }) => kind === 'candidates')).toHaveLength(2)
})

it('releases references whose row is not there, of any kind, and no others', async () => {
  const projectId = await readyProject(server)
  const id = rowId(projectId)
  const diff = await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
  const { tree } = await abandon(projectId, 'a')
  for (const kind of ['diffs', 'candidates', 'versions'] as const) await keepForNobody(projectId, tree, kind)
  await gitOf(server, projectId, 'update-ref', `refs/countersign/fetch/1-${randomUUID()}`, 'main')
  await makeOlder(`${services.git.directory(id)}/refs`, 2 * hour)
  const young = await keepForNobody(projectId, tree)
  await tendRepository(services, id, defaultMaintenance, stop)
  const left = (await services.git.keptRefs(id)).map(({ kind, id: name }) => `${kind}/${name}`)
  expect(left.sort()).toEqual([`diffs/${rowId(diff.id)}`, `diffs/${young}`].sort())
  // Packed by now, it is as old as the file that it is packed in.
  await tendRepository(services, id, defaultMaintenance, stop)
  expect(await services.git.keptRefs(id)).toHaveLength(2)
  await makeOlder(services.git.directory(id), 2 * hour)
  await tendRepository(services, id, defaultMaintenance, stop)
  expect((await services.git.keptRefs(id)).map((ref) => ref.id)).toEqual([rowId(diff.id)])
})

it('an archived project keeps what its rows need', async () => {
  const projectId = await readyProject(server)
  const diff = await proposed(server, projectId, { content: addsFile('a.txt', ['a']) })
  await server.query('mutation ($id: ID!) { archiveProject(id: $id) { __typename } }', { id: projectId })
  await makeLate(projectId)
  await maintainProject(services, rowId(projectId), stop, { ...longAfter, settleMs: 48 * hour })
  expect(await maintainedAt(projectId)).not.toBeNull()
  expect((await services.git.keptRefs(rowId(projectId))).map(({ id }) => id)).toEqual([rowId(diff.id)])
})

it('proposals, reviews and commits go on while the repository is packed over and over', async () => {
  const projectId = await readyProject(server)
  let working = true
  let packed = 0
  const packing = (async () => {
    for (; working; packed++) await tendRepository(services, rowId(projectId), defaultMaintenance, stop)
  })()
  await using _packing = {
    async [Symbol.asyncDispose]() {
      working = false
      await packing
    },
  }
  const contents = Array.from({ length: 8 }, (_, index) => addsFile(`f${index}.txt`, [String(index)]))
  const diffs = await Promise.all(contents.map((content) => proposed(server, projectId, { content })))
  for (let index = 0; index < 2; index++) {
    const next = await proposed(server, projectId, { content: addsFile(`next${index}.txt`, ['next']) })
    expect(await review(server, next)).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, next.id)).toMatchObject({ status: 'COMMITTED' })
  }
  working = false
  await packing
  expect(packed).toBeGreaterThan(1)
  await tendRepository(services, rowId(projectId), longAfter, stop)
  for (const [index, diff] of diffs.entries()) {
    const [row] = await sqlOf(server, 'select base_tree, result_tree from diff where id = $1', [rowId(diff.id)])
    const trees = [String(row?.base_tree), String(row?.result_tree)] as const
    expect(await services.git.changedFiles(rowId(projectId), ...trees)).toMatchObject([{ path: `f${index}.txt` }])
  }
  expect(await services.git.verify(rowId(projectId), stop)).toEqual([])
  const last = await proposed(server, projectId, { content: addsFile('last.txt', ['last']) })
  await review(server, last)
  expect(await commit(server, last.id)).toMatchObject({ status: 'COMMITTED' })
})

/** Services whose packing waits until it is let go, and counts. */
const heldBack = () => {
  const begun = Promise.withResolvers<void>()
  const letGo = Promise.withResolvers<void>()
  let packs = 0
  const pack: Services['git']['pack'] = async (...args) => {
    packs += 1
    begun.resolve()
    await letGo.promise
    await services.git.pack(...args)
  }
  const named = (processName: string): Services => ({ ...services, processName, git: { ...services.git, pack } })
  return { named, begun: begun.promise, letGo: letGo.resolve, packs: () => packs }
}

it('a second worker leaves a repository alone that the first one is at, and it is packed once', async () => {
  const projectId = await readyProject(server)
  await makeLate(projectId)
  const { named, begun, letGo, packs } = heldBack()
  const first = maintainProject(named('first'), rowId(projectId), stop)
  await begun
  await maintainProject(named('second'), rowId(projectId), stop)
  expect(packs()).toBe(1)
  expect(await maintainedAt(projectId)).toBeNull()
  letGo()
  await first
  expect(await maintainedAt(projectId)).not.toBeNull()
  // The job once more, late: there is nothing to do.
  await maintainProject(named('second'), rowId(projectId), stop)
  expect(packs()).toBe(1)
})

it('a maintenance that failed or was stopped is not noted as done', async () => {
  const projectId = await readyProject(server)
  await makeLate(projectId)
  const failing: Services = { ...services, git: { ...services.git, pack: () => Promise.reject(new Error('no space')) } }
  await expect(maintainProject(failing, rowId(projectId), stop)).rejects.toThrow('no space')
  const stopping = new AbortController()
  const { named, begun, letGo } = heldBack()
  const stopped = maintainProject(named('stopped'), rowId(projectId), stopping.signal)
  await begun
  stopping.abort(new Error('the process stops'))
  letGo()
  await expect(stopped).rejects.toThrow('the process stops')
  expect(await maintainedAt(projectId)).toBeNull()
  await maintainProject(services, rowId(projectId), stop)
  expect(await maintainedAt(projectId)).not.toBeNull()
})

it('a worker with the pool maintains what is due by itself, one project after the other', async () => {
  const projectIds = await Promise.all([1, 2, 3].map(() => readyProject(server)))
  for (const projectId of projectIds) await makeLate(projectId)
  await using _worker = await startTestServer({
    databaseUrl: server.config.databaseUrl ?? '',
    dataDir: server.config.dataDir,
    pools: { maintenance: 1 },
    rehearsal: false,
  })
  for (const projectId of projectIds) {
    while ((await maintainedAt(projectId)) === null) await delay(20)
    expect((await count(projectId)).loose).toBe(0)
  }
})
