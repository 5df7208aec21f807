import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { moveEvents } from '../../src/adapters/backup/begin-anew.ts'
import { readTables } from '../../src/adapters/backup/catalog.ts'
import { copyIn, copyOut } from '../../src/adapters/backup/copy-rows.ts'
import { migrate, pendingMigrations } from '../../src/adapters/db/migrate.ts'
import { migrationLock } from '../../src/adapters/db/migration-lock.ts'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { parseCursor } from '../../src/domain/event/event-cursor.ts'
import { currentCursor, findCursor, readEvents } from '../../src/domain/event/read-events.ts'
import { everything, numberOf } from '../factories/event-log.ts'
import { backedUp, newPlace, type Place, restored } from './places.ts'

const projectId = randomUUID()
const actorId = randomUUID()
const budgetId = randomUUID()
const webhookId = randomUUID()

/** Every text that a format with lines, separators and escapes could take for its own. */
const oddText = 'tab\t line\n return\r back\\slash \\N \\. quote\' "double" {json} é 𝒳 \u0001'

/** Of an old cluster: its transaction ids are far ahead of those of the cluster that it is restored into. */
const oldXid = 9_000_000_000_000n

const fill = async (client: pg.Client): Promise<void> => {
  await client.query(
    `insert into actor (id, kind, name, created_at) values ($1, 'HUMAN', $2, '2026-11-21 12:00:00.123456+00')`,
    [actorId, oddText],
  )
  // More than is loaded at once, in rows that are longer than what is read at once.
  await client.query(
    `insert into actor (id, kind, name, created_at)
     select gen_random_uuid(), 'HUMAN', repeat('\\ "\n' || n, 300000), now() from generate_series(1, 5) n`,
  )
  await client.query(
    `insert into budget (id, max_cost_usd, max_tokens, spent_cost_usd, spent_tokens, reserved_cost_usd, reserved_tokens)
     values ($1, 'Infinity', 9223372036854775807, 0.1::float8 + 0.2::float8, -1, 5e-324, 0)`,
    [budgetId],
  )
  await client.query(
    `insert into project (id, name, status, object_format, source, policy, budget_id, created_by_id, created_at, environment, push_on_commit)
     values ($1, '', 'CREATING', 'SHA1', 'null', $2, $3, $4, 'infinity', '{}', false)`,
    [
      projectId,
      JSON.stringify({ [oddText]: [oddText, null, 1e-300, 12345678901234567890n.toString()] }),
      budgetId,
      actorId,
    ],
  )
  await client.query(
    `insert into webhook (id, project_id, url, event_types, cursor_xid, cursor_id, failures, next_at, created_by_id, created_at)
     values ($1, $2, 'https://receiver.test/', 'null', $3, 4, 0, now(), $4, now())`,
    [webhookId, projectId, String(oldXid + 1n), actorId],
  )
  await client.query(
    `insert into lease (resource, owner, fence, until, again) values ('sprint:1', 'gone', nextval('lease_fence'), '-infinity', true)`,
  )
  await client.query(
    `insert into process (id, name, running, host, version, sandbox, started_at, seen_at) values ('gone', 'gone', 0, '', '', '{}', now(), now())`,
  )
  await client.query(`insert into queue_memory values ('postgres', gen_random_uuid(), now())`)
  // Committed in another order than they took their ids: 4 was readable before 3.
  for (const [number, xid] of [1n, 2n, 9n, 1n, 9n].entries()) {
    await client.query(
      `insert into event (id, xid, at, project_id, body) values (nextval('event_id_seq'), $1, now(), $2, $3)`,
      [
        String(oldXid + xid),
        projectId,
        { type: 'CheckpointReached', runId: projectId, label: oddText, sequence: number + 1 },
      ],
    )
  }
}

let from: Place
let to: Place
let orm: Orm
let backup: Awaited<ReturnType<typeof backedUp>>
beforeAll(async () => {
  from = await newPlace()
  await fill(from.client)
  await mkdir(join(from.dataDir, 'archives'))
  await writeFile(join(from.dataDir, 'archives', `${projectId}.tar`), oddText)
  backup = await backedUp(from)
  to = await newPlace(false)
  await restored(backup, to)
  orm = await createOrm(to.databaseUrl)
})
afterAll(async () => {
  await orm?.close()
  for (const place of [from, to]) await place?.[Symbol.asyncDispose]()
})

const rowsOf = async (client: pg.Client, query: string) => (await client.query(query)).rows

/** Tables of which something begins anew. */
const changed = ['event', 'event_horizon', 'webhook', 'queue_memory']

it('every value of every table is as it was, whatever is in it', async () => {
  const tables = (await readTables(from.client)).map(({ name }) => name)
  expect(tables).toEqual(expect.arrayContaining(['actor', 'project', 'model_call', 'diff', 'lease']))
  expect(backup.manifest.tables.map(({ name }) => name)).toEqual(tables)
  for (const table of tables.filter((name) => !changed.includes(name))) {
    const query = `select row::text from "${table}" as row order by 1`
    expect(await rowsOf(to.client, query), table).toEqual(await rowsOf(from.client, query))
  }
  const kept = 'select id, at, project_id, body::text from event order by id'
  expect(await rowsOf(to.client, kept)).toEqual(await rowsOf(from.client, kept))
  // A JSON null is none of SQL's.
  expect(await rowsOf(to.client, `select source::text from project`)).toEqual([{ source: 'null' }])
})

it('rows are loaded in many short transactions: a long one would hold back the events of other databases', async () => {
  const [{ transactions }] = await rowsOf(
    to.client,
    'select count(distinct xmin::text)::int as transactions from actor',
  )
  expect(transactions).toBeGreaterThan(1)
})

it('all events become those of one transaction, a part of them at a time', async () => {
  await to.client.query('begin')
  await moveEvents(to.client, '77', 2)
  expect(await rowsOf(to.client, 'select distinct xid::text from event')).toEqual([{ xid: '77' }])
  await to.client.query('rollback')
})

it('a backup waits for a migration, and a migration for a backup that reads rows', async () => {
  const said: string[] = []
  await from.client.query(`select pg_advisory_lock(${migrationLock})`)
  await backedUp(
    from,
    {},
    {
      progress(words) {
        said.push(words)
        if (words.includes('migrated')) void from.client.query(`select pg_advisory_unlock(${migrationLock})`)
      },
    },
  )
  expect(said).toContain('waiting until the database has been migrated')

  await from.client.query('begin; lock table webhook in access exclusive mode')
  const reading = backedUp(from)
  const waits = `select count(*)::int as waiting from pg_locks where not granted and relation = 'webhook'::regclass`
  await expect.poll(() => rowsOf(from.client, waits), { timeout: 60_000 }).toEqual([{ waiting: 1 }])
  const waited = Promise.withResolvers<string>()
  const migrating = migrate(from.databaseUrl, { waiting: waited.resolve })
  expect(await waited.promise).toContain('a backup has read its rows')
  await from.client.query('rollback')
  await Promise.all([reading, migrating])
})

it('what is of processes that run stays behind', async () => {
  expect(await rowsOf(to.client, 'select * from process')).toEqual([])
})

it('the archive of a project that is still to be made comes along', async () => {
  expect(await readFile(join(to.dataDir, 'archives', `${projectId}.tar`), 'utf8')).toBe(oddText)
})

it('the keys between tables hold again', async () => {
  const keys = `select conrelid::regclass::text, conname, pg_get_constraintdef(oid) as definition, convalidated
    from pg_constraint where contype = 'f' order by 1, 2`
  expect(await rowsOf(to.client, keys)).toEqual(await rowsOf(from.client, keys))
  await expect(to.client.query(`insert into membership values ($1, $1, 'VIEWER')`, [randomUUID()])).rejects.toThrow(
    'foreign key',
  )
})

it('events of an older cluster can be read in a younger one, in order, and new ones come after them', async () => {
  const em = () => orm.em.fork()
  const [horizon] = await rowsOf(to.client, 'select xid::text, event_id::text as id from event_horizon')
  await expect
    .poll(async () => (await readEvents(em(), horizon, everything, 100)).map(numberOf), { timeout: 60_000 })
    .toEqual([1, 2, 3, 4, 5])
  const cursor = await currentCursor(em())
  await to.client.query(
    `insert into event (at, project_id, body) select at, project_id, jsonb_set(body, '{sequence}', '6') from event where id = 1`,
  )
  await expect
    .poll(async () => (await readEvents(em(), cursor, everything, 100)).map(numberOf), { timeout: 60_000 })
    .toEqual([6])
  expect((await readEvents(em(), horizon, everything, 100)).map(numberOf)).toEqual([1, 2, 3, 4, 5, 6])
})

it('a webhook is sent every event that it was not sent before', async () => {
  const [webhook] = await rowsOf(to.client, 'select cursor_xid::text as xid, cursor_id::text as id from webhook')
  const waiting = await readEvents(orm.em.fork(), webhook, everything, 100)
  // It had 1 and 4. What was between them in the order of ids is sent again: at least once is the promise.
  expect(waiting.map(numberOf).slice(0, 4)).toEqual([2, 3, 4, 5])
})

it.each([
  ['of an event that is there', `${oldXid + 9n}-5`],
  ['of an event that was undone, far ahead of this cluster', `${oldXid + 20n}-77`],
  ['that no event was at', `${oldXid + 20n}-0`],
  ['that this cluster has passed meanwhile', null],
])('a cursor of before is refused as too old, and misses nothing in silence: one %s', async (_, text) => {
  const em = orm.em.fork()
  const passed = async () => {
    const { xid } = await currentCursor(em)
    return `${xid}-12`
  }
  await expect(findCursor(em, text ?? (await passed()))).rejects.toMatchObject({ code: 'CURSOR_TOO_OLD' })
  await expect(findCursor(em, text === null ? '0-0' : text)).rejects.toMatchObject({ code: 'CURSOR_TOO_OLD' })
})

it('a cursor of the restored log is taken', async () => {
  const em = orm.em.fork()
  const { xid, id } = await currentCursor(em)
  expect(await findCursor(em, `${xid}-${id}`)).toEqual(parseCursor(`${xid}-${id}`))
})

it('numbers that were given out before are not given out again, also when an older backup is restored later', async () => {
  await using again = await newPlace()
  const later = await backedUp(to)
  const [before] = await rowsOf(
    to.client,
    `select nextval('outbox_id_seq')::text as id, nextval('lease_fence')::text as fence`,
  )
  await restored(backup, again)
  const [after] = await rowsOf(
    again.client,
    `select nextval('outbox_id_seq')::text as id, nextval('lease_fence')::text as fence`,
  )
  expect(BigInt(after.id)).toBeGreaterThan(BigInt(before.id))
  expect(BigInt(after.fence)).toBeGreaterThan(BigInt(before.fence))
  expect(later.manifest.sequences.map(({ name }) => name)).toEqual([
    'event_id_seq',
    'lease_fence',
    'outbox_id_seq',
    'waiting_call_id_seq',
  ])
})

it('the queues are seen to have lost their jobs', async () => {
  const name = 'select name::text from queue_memory'
  expect(await rowsOf(to.client, name)).not.toEqual(await rowsOf(from.client, name))
})

it('rows that cannot be taken, or read, are said, and the connection goes on', async () => {
  const bad = [Buffer.from('one\ttwo\n'), Buffer.from('three')]
  await expect(copyIn(to.client, 'copy lease from stdin', Readable.from(bad))).rejects.toThrow(
    'missing data for column',
  )
  async function* unread() {
    yield Buffer.from('x')
    throw new Error('The disk is gone.')
  }
  await expect(copyIn(to.client, 'copy lease from stdin', unread())).rejects.toThrow('The disk is gone.')
  await expect(copyIn(to.client, 'copy nothing from stdin', Readable.from([]))).rejects.toThrow('does not exist')
  const { content, rows } = copyOut(to.client, 'copy (select 1 / (3 - n) from generate_series(1, 9) n) to stdout')
  await expect(content.toArray()).rejects.toThrow('division by zero')
  await expect(rows).rejects.toThrow('division by zero')
  expect(await rowsOf(to.client, 'select 1 as one')).toEqual([{ one: 1 }])
})

it('later migrations find the restored rows, and bring them to their own version', async () => {
  await using place = await newPlace(false)
  const found: unknown[] = []
  await restored(backup, place, {
    async migrate(databaseUrl, options) {
      if (options === undefined) found.push(...(await rowsOf(place.client, 'select id from project')))
      return await migrate(databaseUrl, options)
    },
  })
  expect(found).toEqual([{ id: projectId }])
  expect(await pendingMigrations(place.databaseUrl)).toEqual([])
})

it('a database of before this version is refused: its log cannot be restored', async () => {
  await using earlier = await newPlace(false)
  const old = await createOrm(earlier.databaseUrl)
  await old.migrator.up({ to: 'Migration20261121000000_first' })
  await old.close()
  await expect(backedUp(earlier)).rejects.toThrow('run `countersign migrate` first')
  await earlier.client.query(`insert into migration (name) values ('Migration29990101000000_later')`)
  await expect(backedUp(earlier)).rejects.toThrow('of a later version, with Migration29990101000000_later')
})
