import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { currentCursor } from '../../src/domain/event/read-events.ts'
import { Project } from '../../src/domain/project/project.entity.ts'
import type { Services, Wake } from '../../src/domain/shared/services.ts'
import { type Transaction, transact } from '../../src/domain/shared/transact.ts'
import { Spec } from '../../src/domain/spec/spec.entity.ts'
import { runInterviewJob } from '../../src/jobs/run-interview.ts'
import { settleCommitJob } from '../../src/jobs/settle-commit.ts'
import { trimLogsJob } from '../../src/jobs/trim-logs.ts'
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

it('what is told is stored in its order, and a job with the project of what its transaction has just made', async () => {
  const { services } = noting()
  const [projectId = ''] = projects
  const specId = randomUUID()
  const finished = Array.from({ length: 12 }, (_, index) => index)
  await transact(services, async (tx) => {
    const { createdById } = await tx.em.findOneOrFail(Project, { id: projectId })
    const interview = { maxQuestions: 5, interviewStatus: 'ANSWERED', interviewMode: 'STUB', questions: [] } as const
    const made = { id: specId, projectId, title: 'Made', task: 'Made.', status: 'VALIDATED', ...interview } as const
    tx.em.create(Spec, { ...made, createdById, createdAt: tx.now })
    for (const each of finished) {
      const body = { type: 'TestRunChanged', testRunId: specId, status: 'RUNNING', finished: each, total: 12 } as const
      tx.emit({ projectId, specId }, body)
      // What is flushed in between changes nothing of that.
      if (each === 5) await tx.em.flush()
    }
    tx.enqueue(runInterviewJob, { specId })
    tx.enqueue(trimLogsJob, {}, 'a trace')
  })
  const read = (text: string) => services.em().getConnection().execute(text, [specId])
  const told = await read(`select (body ->> 'finished')::int as finished from event where spec_id = ? order by id`)
  expect(told).toEqual(finished.map((each) => ({ finished: each })))
  const asked = await read(`select job, project_id, trace from outbox
    where id >= (select min(id) from outbox where payload ->> 'specId' = ?) order by id limit 2`)
  expect(asked).toEqual([
    { job: 'run-interview', project_id: projectId, trace: null },
    { job: 'trim-logs', project_id: null, trace: 'a trace' },
  ])
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
  const diffId = randomUUID()
  await transact(services, async (tx) => {
    await writeAll(tx, projectId, 'renamed')
    tx.emit({ projectId }, { type: 'DiffChanged', diffId, status: 'PROPOSED' })
  })
  // What came before may be told too, as long as a transaction of anybody's goes on that began earlier still.
  for await (const { body } of follower) if ('diffId' in body && body.diffId === diffId) break
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
