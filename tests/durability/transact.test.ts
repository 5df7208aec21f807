import { afterAll, beforeAll, expect, it } from 'vitest'
import { currentCursor } from '../../src/domain/event/read-events.ts'
import { Project } from '../../src/domain/project/project.entity.ts'
import type { Services, Wake } from '../../src/domain/shared/services.ts'
import { type Transaction, transact } from '../../src/domain/shared/transact.ts'
import { settleCommitJob } from '../../src/jobs/settle-commit.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projects: readonly string[]
beforeAll(async () => {
  server = await startTestServer()
  projects = (await Promise.all([readyProject(server), readyProject(server)])).map(rowId)
})
afterAll(() => server[Symbol.asyncDispose]())

const counts = async (services: Services) => {
  const [row] = await services
    .em()
    .getConnection()
    .execute<{ events: string; jobs: string }[]>(
      'select (select count(*) from event) as events, (select count(*) from outbox) as jobs',
    )
  return row
}

const writeAll = async (tx: Transaction, projectId: string, name: string) => {
  const project = await tx.em.findOneOrFail(Project, { id: projectId })
  project.name = name
  tx.emit({ projectId }, { type: 'DiffChanged', diffId: projectId, status: 'PROPOSED' })
  tx.enqueue(settleCommitJob, { diffId: projectId })
  tx.wake('leases')
}

/** The server's services with a note of what was woken. */
const noting = () => {
  const woken: string[] = []
  const { services } = server.context
  const note = (who: keyof Wake) => () => void woken.push(who)
  const wake = { outbox: note('outbox'), events: note('events'), leases: note('leases') }
  return { woken, services: { ...services, wake } }
}

it.each([
  ['throws', () => Promise.reject(new Error('refused'))],
  ['breaks a constraint of the database', (tx: Transaction) => tx.em.execute(`insert into project (id) values (null)`)],
])('a command that %s leaves no state, no event and no job, and wakes nobody', async (_, fault) => {
  const { woken, services } = noting()
  const [projectId = ''] = projects
  const before = await counts(services)
  await expect(
    transact(services, async (tx) => {
      await writeAll(tx, projectId, 'never')
      await tx.em.flush()
      await fault(tx)
    }),
  ).rejects.toThrow()
  expect(await counts(services)).toEqual(before)
  expect((await services.em().findOneOrFail(Project, { id: projectId })).name).toBe('a project')
  expect(woken).toEqual([])
})

it('a job whose payload is not the declared one is refused inside its transaction', async () => {
  const { woken, services } = noting()
  const before = await counts(services)
  await expect(transact(services, async (tx) => tx.enqueue(settleCommitJob, { diffId: 'not an id' }))).rejects.toThrow()
  expect(await counts(services)).toEqual(before)
  expect(woken).toEqual([])
})

it('readers are woken after the commit, when what woke them can be read', async () => {
  const { services } = server.context
  const [projectId = ''] = projects
  const stop = new AbortController()
  const follower = server.context.feed.follow(
    { projectIds: [projectId] },
    await currentCursor(services.em()),
    stop.signal,
  )
  await transact(services, (tx) => writeAll(tx, projectId, 'renamed'))
  const { value } = await follower.next()
  expect(value.body).toMatchObject({ type: 'DiffChanged' })
  expect((await services.em().findOneOrFail(Project, { id: projectId })).name).toBe('renamed')
  stop.abort()
})

it('two transactions that wait for each other both come through: the one that is ended is run again, whole', async () => {
  const { services } = server.context
  const [a = '', b = ''] = projects
  const before = await counts(services)
  const firstLocks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  let runs = 0
  const crosswise = (mine: 0 | 1, first: string, second: string) =>
    transact(services, async (tx) => {
      runs += 1
      const update = 'update project set name = ? where id = ?'
      await tx.em.execute(update, [`by ${mine}`, first])
      firstLocks[mine].resolve()
      await firstLocks[mine === 0 ? 1 : 0].promise
      await tx.em.execute(update, [`by ${mine}`, second])
      tx.emit({ projectId: first }, { type: 'DiffChanged', diffId: first, status: 'PROPOSED' })
    })
  await Promise.all([crosswise(0, a, b), crosswise(1, b, a)])
  // The one that is run again may take its first row before the other one wakes, and be ended once more.
  expect(runs).toBeGreaterThanOrEqual(3)
  expect(Number((await counts(services))?.events)).toBe(Number(before?.events) + 2)
})
