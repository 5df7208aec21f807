import { afterAll, beforeAll, expect, it } from 'vitest'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import { askForMaintenance } from '../../src/domain/maintenance/ask-for-maintenance.ts'
import { maintainProject } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { sqlOf } from '../factories/gate.ts'
import { addsFile, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const stack = new AsyncDisposableStack()
let server: TestServer
let services: Services
let projects: string[]
beforeAll(async () => {
  const { url: databaseUrl } = stack.use(await createTestDatabase())
  const { path: dataDir } = stack.use(await temporaryDirectory())
  {
    await using earlier = await startTestServer({ rehearsal: false, databaseUrl, dataDir })
    projects = (await Promise.all(Array.from({ length: 6 }, () => readyProject(earlier)))).map(rowId)
  }
  // No worker: what is asked for is seen, and nobody does it but the test.
  server = stack.use(await startTestServer({ rehearsal: false, databaseUrl, dataDir, pools: {} }))
  services = server.context.services
})
afterAll(() => stack.disposeAsync())

const stop = new AbortController().signal

/** Each test has a project of its own, beside those that others have asked for. */
const all = { ...defaultMaintenance, atOnce: 100 }

/** A project that no other test has, so old that it is due. */
const lateProject = async (): Promise<string> => {
  const id = projects.pop()
  if (id === undefined) throw new Error('There are too few projects for the tests.')
  await pass(id, 25)
  return id
}

/** Moves everything that has a date into the past, for one project. */
const pass = async (id: string, hours: number) => {
  const time = `${hours} hours`
  await sqlOf(server, 'update event set at = at - $2::interval where project_id = $1', [id, time])
  await sqlOf(
    server,
    `update project set created_at = created_at - $2::interval, maintained_at = maintained_at - $2::interval
     where id = $1`,
    [id, time],
  )
  await sqlOf(server, `update outbox set created_at = created_at - $2::interval where payload ->> 'projectId' = $1`, [
    id,
    time,
  ])
}

/** How often a project's maintenance was asked for so far. */
const timesAsked = async (id: string): Promise<number> => {
  const statement = `select id from outbox where job = 'maintain-project' and payload ->> 'projectId' = $1`
  return (await sqlOf(server, statement, [id])).length
}

it('a project is due a day after it was made, and is asked for once, however many ask at once', async () => {
  const id = await lateProject()
  const young = projects[0] ?? ''
  await Promise.all(Array.from({ length: 8 }, () => askForMaintenance(services, all)))
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(1)
  expect(await timesAsked(young)).toBe(0)
})

it('a maintenance whose job was lost is asked for again, an hour later and not before', async () => {
  const id = await lateProject()
  await askForMaintenance(services, all)
  await pass(id, 0.9)
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(1)
  await pass(id, 0.2)
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(2)
})

it('a repository that somebody is at is not asked for', async () => {
  const id = await lateProject()
  await withLease(services, leaseOn('maintenance', id), stop, async () => {
    await askForMaintenance(services, all)
    expect(await timesAsked(id)).toBe(0)
  })
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(1)
})

it('after its maintenance a project is due again a day later if something happened, and not for ever if nothing did', async () => {
  const id = await lateProject()
  await maintainProject(services, id, stop, all)
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(0)
  // What was too young to go may go now: twice, until all is settled.
  for (const times of [1, 1]) {
    await pass(id, 25)
    await askForMaintenance(services, all)
    expect(await timesAsked(id)).toBeGreaterThanOrEqual(times)
    await maintainProject(services, id, stop, all)
  }
  const settled = await timesAsked(id)
  await pass(id, 100)
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(settled)
  await proposedDiff(server, Buffer.from(`Project:${id}`).toString('base64'), addsFile('news.txt', ['news']))
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(settled + 1)
})

it('projects that have no repository yet, or never got one, are left alone; archived ones are not', async () => {
  const id = await lateProject()
  await sqlOf(server, `update project set status = 'CREATING' where id = $1`, [id])
  await askForMaintenance(services, all)
  await sqlOf(server, `update project set status = 'ARCHIVED', head_commit = null where id = $1`, [id])
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(0)
  await sqlOf(server, `update project set head_commit = 'any' where id = $1`, [id])
  await askForMaintenance(services, all)
  expect(await timesAsked(id)).toBe(1)
})

it.each([
  ['loose objects', { looseObjects: -1, packs: 1_000 }],
  ['packs', { looseObjects: 1_000_000, packs: 0 }],
])('many %s make a project due at once', async (_, clutter) => {
  await sqlOf(server, `delete from outbox where job = 'maintain-project'`)
  const [id = ''] = projects
  const many = { ...all, clutter }
  const few = { ...all, clutter: { looseObjects: 1_000_000, packs: 1_000 } }
  await askForMaintenance(services, few)
  expect(await timesAsked(id)).toBe(0)
  await askForMaintenance(services, many)
  expect(await timesAsked(id)).toBe(1)
})

it('one project after the other is asked for, the one that waits longest first', async () => {
  await sqlOf(server, `delete from outbox where job = 'maintain-project'`)
  const statement = `select id from project where status = 'READY' order by created_at, id limit 2`
  const [first = '', second = ''] = (await sqlOf(server, statement)).map(({ id }) => String(id))
  await pass(second, 100)
  await sqlOf(server, 'update project set maintained_at = null where id = any($1)', [[first, second]])
  await pass(first, 200)
  await Promise.all([1, 2, 3].map(() => askForMaintenance(services)))
  expect([await timesAsked(first), await timesAsked(second)]).toEqual([1, 0])
  await maintainProject(services, first, stop)
  expect([await timesAsked(first), await timesAsked(second)]).toEqual([1, 1])
  // One whose job nobody does holds up the others for a minute.
  await pass(second, 0.02)
  await askForMaintenance(services, { ...defaultMaintenance, clutter: { looseObjects: -1, packs: 50 } })
  const asked = await sqlOf(server, `select count(*)::int as count from outbox where job = 'maintain-project'`)
  expect(asked).toEqual([{ count: 3 }])
})
