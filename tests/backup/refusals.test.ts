import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { appendFile, cp, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../src/adapters/backup/catalog.ts'
import { fingerprintOf } from '../../src/adapters/backup/keys.ts'
import { unloadDatabase } from '../../src/adapters/backup/load-database.ts'
import { readManifest, verifyBackup } from '../../src/adapters/backup/read-backup.ts'
import { putTablesAside } from '../../src/adapters/backup/tables-aside.ts'
import { type MigrateOptions, migrate, migrationNames } from '../../src/adapters/db/migrate.ts'
import { addProject, backedUp, migrated, newPlace, type Place, repositoriesOf, restored } from './places.ts'

const signal = new AbortController().signal
const projectIds = [randomUUID(), randomUUID()]
const secretKey = 'ab'.repeat(32)
const stack = new AsyncDisposableStack()
let from: Place
let backup: Awaited<ReturnType<typeof backedUp>>

beforeAll(async () => {
  from = stack.use(await newPlace())
  for (const id of projectIds) await addProject(from, id)
  await writeFile(join(from.dataDir, 'secret-key'), `${secretKey}\n`, { mode: 0o600 })
  await writeFile(join(from.dataDir, 'admin-token'), 'csk_of-the-administrator\n', { mode: 0o600 })
  backup = await backedUp(from)
})
afterAll(() => stack.disposeAsync())

/** What of the data directory a server would find. */
const foundIn = async (dataDir: string) => {
  const repositories = await readdir(join(dataDir, 'repositories')).catch(() => [])
  const names = [...(await readdir(dataDir)), ...repositories]
  return names.filter((name) => /\.git$|^\.new-|^restoring$|-key$|-token$/.test(name)).sort()
}

const projectsIn = async ({ client }: Place) => (await client.query('select id from project order by id')).rows

it.each([
  ['a database with rows', async (place: Place) => void (await addProject(place, randomUUID())), 'not empty'],
  [
    'a database that was migrated further',
    async ({ client }: Place) =>
      void (await client.query(`insert into migration (name) values ('Migration29990101000000_x')`)),
    'was migrated further',
  ],
  [
    "a database with another program's tables",
    async ({ client }: Place) => void (await client.query('alter table migration rename to theirs')),
    'not empty: it has the table',
  ],
  [
    'a data directory with repositories',
    async ({ dataDir }: Place) =>
      void (await mkdir(join(dataDir, 'repositories', `${randomUUID()}.git`), { recursive: true })),
    'is not empty: it has the repositories of 1 projects',
  ],
  [
    'a data directory with another key',
    async ({ dataDir }: Place) => await writeFile(join(dataDir, 'secret-key'), 'cd'.repeat(32)),
    'is another key than the one',
  ],
])('%s is refused as a place, and is left as it was', async (_, prepare, words) => {
  await using place = await newPlace()
  await prepare(place)
  const before = [await foundIn(place.dataDir), await projectsIn(place)]
  await expect(restored(backup, place)).rejects.toMatchObject({
    name: 'RestoreRefusedError',
    message: expect.stringContaining(words),
  })
  expect([await foundIn(place.dataDir), await projectsIn(place)]).toEqual(before)
})

it('what somebody else has in the database is named before anything moves, and nothing that needs our tables is lost', async () => {
  await using place = await newPlace()
  const { client } = place
  const { manifest } = backup
  const withTheirs = { ...manifest, tables: [...manifest.tables, { name: 'theirs', columns: ['n'], rows: 0 }] }
  const cases: readonly [string, RegExp, typeof manifest?][] = [
    ['create table theirs (n int)', /the table theirs, which is none of/],
    ['create table parts (n int) partition by range (n)', /the table parts, which is none of/],
    ['create sequence counter', /the sequence counter, which is none of/],
    ['create view shown as select 1 as one', /the view shown, which is none of/],
    ['create materialized view kept as select 1 as one', /the materialized view kept, which is none of/],
    ['create schema other create view shown as select id from public.actor', /view other\.shown depends on/],
    ['create schema other create table t (id uuid references public.actor)', /on table other\.t depends on/],
    [
      `create schema other create table t (n bigint default nextval('public.lease_fence'))`,
      /default value for column n of table other\.t depends on sequence/,
    ],
    [
      `create schema other; create function other.f(public.actor) returns int language sql as 'select 1'`,
      /function other\.f\(.*\) depends on type/,
    ],
    [
      `insert into migration (name) values ('Migration29990101000000_x')`,
      /meanwhile: it has Migration29990101000000_x/,
    ],
    [`delete from migration where name like '%_restored_log'`, /meanwhile: it lacks Migration\d+_restored_log/],
    ['select', /The backup has theirs, which is none of/, withTheirs],
  ]
  for (const [made, words, described = manifest] of cases) {
    // In one transaction with what was made, which is taken back with it.
    await client.query(`begin; ${made}`)
    await expect(putTablesAside(client, 'a restore', described), made).rejects.toMatchObject({
      name: 'RestoreRefusedError',
      message: expect.stringMatching(words),
    })
    await client.query('rollback')
  }

  // Also what was made of them while they were aside.
  const restoring = await connect(place.databaseUrl)
  await putTablesAside(restoring, 'a restore', manifest)
  await restoring.end()
  await client.query('create view shown as select id from countersign_restoring.actor')
  await expect(unloadDatabase(place.databaseUrl, 'a restore')).rejects.toThrow(/view shown depends on/)
  await client.query('select from shown; drop view shown')
  await unloadDatabase(place.databaseUrl, 'a restore')
  expect((await client.query(`select to_regnamespace('countersign_restoring') as schema`)).rows).toEqual([
    { schema: null },
  ])
})

it('a table that no backup could be restored with is named when the backup is made', async () => {
  await from.client.query('create table "Theirs" (n int)')
  await expect(backedUp(from)).rejects.toThrow('has the table Theirs beside those of Countersign')
  await from.client.query('drop table "Theirs"')
})

it('another SECRET_KEY is refused, the right one is taken', async () => {
  await using place = await newPlace()
  const given = (key: string) => ({ migrate: migrated, givenKeys: { secretKey: key, signingKey: undefined } })
  await expect(restored(backup, place, given('cd'.repeat(32)))).rejects.toThrow('SECRET_KEY is another key')
  expect(await restored(backup, place, given(secretKey.toUpperCase()))).toEqual([])
})

it('without its secrets a backup knows the key again, and says what is missing', async () => {
  const without = await backedUp(from, {}, { withSecrets: false })
  expect(without.manifest.keys.secretKey).toEqual({ fingerprint: fingerprintOf(secretKey), isIncluded: false })
  expect(await readFile(join(without.directory, 'manifest.json'), 'utf8')).not.toContain(secretKey)
  expect(await readdir(without.directory)).not.toContain('secrets')
  await using place = await newPlace()
  expect(await restored(without, place, { migrate: migrated })).toEqual([
    expect.stringContaining('does not have the SECRET_KEY'),
  ])
  expect(await foundIn(place.dataDir)).toEqual(projectIds.map((id) => `${id}.git`).sort())
})

const manifestOf = async (directory: string) => readManifest(directory, await migrationNames())

/** Changes a copy of the backup. @returns what reading it says */
const changedBackup = async (change: (directory: string) => Promise<unknown>): Promise<string> => {
  const directory = join(from.dataDir, `copy-${randomUUID()}`)
  await cp(backup.directory, directory, { recursive: true })
  await change(directory)
  try {
    await verifyBackup(directory, await manifestOf(directory), signal)
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
  return 'sound'
}

const rewrite = (change: (manifest: Record<string, unknown>) => object) => async (directory: string) => {
  const file = join(directory, 'manifest.json')
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')))))
}

const flipOneBit = async (file: string) => {
  await using handle = await open(file, 'r+')
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 20)
  await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 20)
}

it.each<[string, (directory: string) => Promise<unknown>, RegExp]>([
  ['nothing', async () => {}, /^sound$/],
  [
    'one bit of a table',
    (directory) => flipOneBit(join(directory, 'tables/project.copy')),
    /^DamagedBackupError: .*project\.copy has the SHA-256/,
  ],
  [
    'one bit of a repository',
    (directory) => flipOneBit(join(directory, `repositories/${projectIds[0]}.pack`)),
    /^DamagedBackupError: .*\.pack has the SHA-256/,
  ],
  [
    'a table that grew',
    (directory) => appendFile(join(directory, 'tables/actor.copy'), 'x'),
    /actor\.copy has \d+ bytes in place of \d+/,
  ],
  [
    'a file that is gone',
    (directory) => rm(join(directory, 'tables/actor.copy')),
    /its file tables\/actor\.copy is missing/,
  ],
  [
    'a manifest cut short',
    (directory) => writeFile(join(directory, 'manifest.json'), '{"format": 1,'),
    /manifest\.json is no JSON/,
  ],
  [
    'a manifest that is gone',
    (directory) => rm(join(directory, 'manifest.json')),
    /^RestoreRefusedError: .*is no backup/,
  ],
  [
    'a later format',
    rewrite((manifest) => ({ ...manifest, format: 2, version: '9.1.0' })),
    /^RestoreRefusedError: .*later format 2.*by version 9\.1\.0/,
  ],
  [
    'a migration that nobody here knows',
    rewrite((manifest) => ({ ...manifest, migrations: ['Migration29990101000000_x'] })),
    /^RestoreRefusedError: .*of a later version, with the migration/,
  ],
  [
    'a file that leads out of it',
    rewrite((manifest) => ({
      ...manifest,
      files: [{ path: 'tables/../../secret-key', bytes: 1, sha256: '0'.repeat(64) }],
    })),
    /not as it must be: files\.0\.path/,
  ],
  ['a table that no file is listed for', rewrite((manifest) => ({ ...manifest, files: [] })), /does not list tables\//],
  [
    'a column that is no name',
    rewrite((manifest) => ({ ...manifest, tables: [{ name: 'actor', columns: ['a") from program'], rows: 0 }] })),
    /not as it must be: tables\.0\.columns\.0/,
  ],
])('before anything is written, a backup is compared with what was written of it: %s', async (_, change, words) => {
  expect(await changedBackup(change)).toMatch(words)
})

it('a backup that cannot be written says why at once, and leaves no git behind that waits for a reader', async () => {
  const directory = join(from.dataDir, `full-${randomUUID()}`)
  const [id = ''] = [...projectIds].sort()
  await using store = repositoriesOf(from.dataDir)
  let isUnderWay = false
  const git = {
    ...store,
    async copyOut(...args: Parameters<typeof store.copyOut>) {
      isUnderWay = true
      try {
        return await store.copyOut(...args)
      } finally {
        isUnderWay = false
      }
    },
  }
  const progress = (words: string) => {
    if (!words.includes('tables')) return
    mkdirSync(join(directory, 'repositories'))
    writeFileSync(join(directory, 'repositories', `${id}.pack`), 'in the way')
  }
  await expect(backedUp(from, { git }, { directory, progress })).rejects.toMatchObject({
    cause: expect.objectContaining({ code: 'EEXIST' }),
  })
  expect(isUnderWay).toBe(false)
})

it('a restore that fails on its way leaves nothing, and can be made again', async () => {
  await using place = await newPlace(false)
  // What others have in the database stays: members of extensions in the same schema, too.
  await place.client.query(
    `create extension hstore; create table member as select 1 as n; alter extension hstore add table member;
     create function answer() returns int language sql as 'select 42';
     create schema other create table things (n int)`,
  )
  const git = () => {
    const store = repositoriesOf(place.dataDir)
    let published = 0
    return {
      ...store,
      async publish(...args: Parameters<typeof store.publish>) {
        published += 1
        if (published === 2) throw new Error('The disk is full.')
        return await store.publish(...args)
      },
    }
  }
  await expect(restored(backup, place, { git })).rejects.toThrow('The disk is full.')
  expect(await foundIn(place.dataDir)).toEqual([])
  const left = `select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('public', 'countersign_restoring')`
  expect((await place.client.query(left)).rows).toEqual([{ relname: 'member' }])
  expect(await restored(backup, place)).toEqual([])
  const theirs = 'select n, answer(), (select count(*)::int from other.things) as things from member'
  expect((await place.client.query(theirs)).rows).toEqual([{ n: 1, answer: 42, things: 0 }])
  expect(await foundIn(place.dataDir)).toEqual(
    [...projectIds.map((id) => `${id}.git`), 'admin-token', 'secret-key'].sort(),
  )
  expect((await stat(join(place.dataDir, 'secret-key'))).mode & 0o777).toBe(0o600)
  await using store = repositoriesOf(place.dataDir)
  for (const id of projectIds) expect(await store.verify(id, signal)).toEqual([])
})

it('what a restore into another database left, and a server may use by now, is not touched', async () => {
  await using place = await newPlace()
  const used = join(place.dataDir, 'repositories', `${randomUUID()}.git`)
  await mkdir(used, { recursive: true })
  await writeFile(join(place.dataDir, 'restoring'), 'the mark of another database')
  await expect(restored(backup, place)).rejects.toThrow(/another database was interrupted there.*new directory/)
  expect((await stat(used)).isDirectory()).toBe(true)
})

it('somebody who starts a server on it meanwhile is seen, and loses nothing', async () => {
  await using place = await newPlace()
  const begins = async (databaseUrl: string, options?: MigrateOptions) => {
    const done = await migrate(databaseUrl, options)
    await place.client.query(`insert into actor (id, kind, name, created_at) values ($1, 'HUMAN', 'first', now())`, [
      randomUUID(),
    ])
    return done
  }
  await expect(restored(backup, place, { migrate: begins })).rejects.toThrow(
    'The database is not empty: actor has rows.',
  )
  expect((await place.client.query('select name from actor')).rows).toEqual([{ name: 'first' }])
  expect(await foundIn(place.dataDir)).toEqual([])
})
