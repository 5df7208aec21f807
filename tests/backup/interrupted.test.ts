import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endRestore } from '../../src/adapters/backup/restoring-file.ts'
import { migrate, pendingMigrations } from '../../src/adapters/db/migrate.ts'
import { awaitDatabase } from '../../src/await-backends.ts'
import { type Cut, startCuttingProxy } from './cutting-proxy.ts'
import { addProject, backedUp, newPlace, type Place, repositoriesOf, restored } from './places.ts'

const projectIds = [randomUUID(), randomUUID()]
const uploadId = randomUUID()
const stack = new AsyncDisposableStack()
let from: Place
let backup: Awaited<ReturnType<typeof backedUp>>

beforeAll(async () => {
  from = stack.use(await newPlace())
  for (const id of projectIds) await addProject(from, id)
  // Still to be made of what was uploaded.
  await from.client.query(
    `insert into project (id, name, status, object_format, source, policy, budget_id, created_by_id, created_at,
       environment, push_on_commit)
     select $1, 'an upload', 'CREATING', object_format, source, policy, budget_id, created_by_id, created_at,
       environment, push_on_commit from project limit 1`,
    [uploadId],
  )
  await mkdir(join(from.dataDir, 'archives'))
  await writeFile(join(from.dataDir, 'archives', `${uploadId}.tar`), 'an archive')
  await writeFile(join(from.dataDir, 'secret-key'), 'ab'.repeat(32))
  await writeFile(join(from.dataDir, 'admin-token'), 'csk_of-the-administrator')
  backup = await backedUp(from)
})
afterAll(() => stack.disposeAsync())

/** Everything that a restore puts into a data directory. */
const whole = [...projectIds.map((id) => `${id}.git`), `${uploadId}.tar`, 'admin-token', 'secret-key'].sort()

const foundIn = async (dataDir: string) => {
  const names = await readdir(dataDir, { recursive: true })
  const last = names.map((name) => name.split('/').at(-1) ?? '')
  return last.filter((name) => /^[0-9a-f-]{36}\.(git|tar)$|^\.new-|^restoring$|-key$|-token$/.test(name)).sort()
}

const schemas = async ({ client }: Place) =>
  (
    await client.query<{ nspname: string; relations: number }>(
      `select nspname, count(pg_class.oid)::int as relations
       from pg_namespace left join pg_class on pg_namespace.oid = relnamespace
       where nspname in ('public', 'countersign_restoring') group by nspname order by nspname`,
    )
  ).rows

const projectsIn = async ({ client }: Place) => (await client.query('select id from project')).rows.length

/** Restores by way of a proxy, which cuts the connection at the commit that makes the rows visible. */
const cutRestore = async (place: Place, moment: Cut, isDown: boolean) => {
  await using proxy = await startCuttingProxy(place.databaseUrl)
  const git = () => {
    const store = repositoriesOf(place.dataDir)
    return {
      ...store,
      // Everything that was committed before this is small.
      async publish(...args: Parameters<typeof store.publish>) {
        proxy.cut(moment, isDown)
        return await store.publish(...args)
      },
    }
  }
  const { dataDir } = place
  return await restored(backup, { databaseUrl: proxy.url, dataDir }, { git, patienceMs: isDown ? 0 : 60_000 })
}

it('when the answer to the last commit is lost, the database is asked, and what is there stays', async () => {
  await using place = await newPlace()
  await cutRestore(place, 'before its answer is heard', false)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(3)
  expect((await schemas(place)).map(({ nspname }) => nspname)).toEqual(['public'])
})

it('when the last commit is lost, nothing is left, and it can be made again', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before the server hears of it', false)).rejects.toThrow('Connection terminated')
  expect(await foundIn(place.dataDir)).toEqual([])
  expect(await schemas(place)).toEqual([{ nspname: 'public', relations: 0 }])
  await restored(backup, place)
  expect(await foundIn(place.dataDir)).toEqual(whole)
})

it('when nobody can say what became of the last commit, all is left, and the next start finds that it is complete', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before its answer is heard', true)).rejects.toThrow('not known whether the rows are')
  expect(await foundIn(place.dataDir)).toEqual([...whole, 'restoring'].sort())
  await endRestore(place.databaseUrl, place.dataDir)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(3)
  expect((await schemas(place)).map(({ nspname }) => nspname)).toEqual(['public'])
})

it('so does the next restore', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before its answer is heard', true)).rejects.toThrow('not known')
  await expect(restored(backup, place)).rejects.toThrow(/An earlier restore.*is complete/)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(3)
})

it('until a restore that was broken off is made again nothing can be begun, and that takes away what it left', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before the server hears of it', true)).rejects.toThrow('not known')
  expect(await foundIn(place.dataDir)).toEqual([...whole, 'restoring'].sort())
  const { databaseUrl, dataDir } = place
  const log = { info: () => {}, warn: () => {} }
  for (const begin of [
    () => migrate(databaseUrl),
    () => pendingMigrations(databaseUrl),
    () => awaitDatabase(databaseUrl, false, { log }),
    () => endRestore(databaseUrl, dataDir),
    () => backedUp(place),
  ]) {
    await expect(begin()).rejects.toMatchObject({ name: 'UnfinishedRestoreError' })
  }
  // Its rows are of nobody: the directory of the first one is still refused to every other database.
  await using other = await newPlace()
  await expect(restored(backup, { databaseUrl: other.databaseUrl, dataDir })).rejects.toThrow('into another database')
  await restored(backup, place)
  expect(await foundIn(dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(3)
  await using git = repositoriesOf(dataDir)
  for (const id of projectIds) expect(await git.verify(id, new AbortController().signal)).toEqual([])
})

it('what was put into the data directory is taken away when something after it fails', async () => {
  await using place = await newPlace()
  const inTheWay = join(place.dataDir, 'admin-token')
  await mkdir(inTheWay)
  await expect(restored(backup, place)).rejects.toThrow('EISDIR')
  expect(await foundIn(place.dataDir)).toEqual(['admin-token'])
})

it('while rows are loaded and files are placed, no transaction keeps the readers of other databases waiting', async () => {
  await using place = await newPlace()
  const writing = `select count(*)::int as open from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and backend_xid is not null`
  const seen: unknown[] = []
  const git = () => {
    const store = repositoriesOf(place.dataDir)
    const look = async () => seen.push((await place.client.query(writing)).rows[0]?.open)
    return {
      ...store,
      async copyIn(...args: Parameters<typeof store.copyIn>) {
        await look()
        return await store.copyIn(...args)
      },
      async publish(...args: Parameters<typeof store.publish>) {
        await look()
        return await store.publish(...args)
      },
    }
  }
  await restored(backup, place, { git })
  expect(seen).toEqual([0, 0, 0, 0])
})

it('one restore into a database at a time', async () => {
  await using place = await newPlace()
  const second = { databaseUrl: place.databaseUrl, dataDir: join(place.dataDir, 'second') }
  const said: unknown[] = []
  const git = () => {
    const store = repositoriesOf(place.dataDir)
    return {
      ...store,
      async publish(...args: Parameters<typeof store.publish>) {
        if (said.length === 0) said.push(await restored(backup, second).catch(String))
        return await store.publish(...args)
      },
    }
  }
  await restored(backup, place, { git })
  expect(said).toEqual([expect.stringContaining('Another restore into this database is under way')])
})

it('an object that git would not take from a remote is named, and nothing is restored', async () => {
  await using place = await newPlace()
  const [id = ''] = projectIds
  await using broken = await newPlace()
  await addProject(broken, id)
  await using git = repositoriesOf(broken.dataDir)
  const directory = git.directory(id)
  const write = (type: string, content: Buffer) =>
    execFileSync('git', ['hash-object', '-w', '-t', type, '--literally', '--stdin'], { cwd: directory, input: content })
      .toString()
      .trim()
  const blob = write('blob', Buffer.from('[core]\n'))
  const tree = write('tree', Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]))
  // Nothing reaches it, and it lacks something: that is no fault.
  write('tree', Buffer.concat([Buffer.from('100644 gone\0'), Buffer.alloc(20, 1)]))
  const fault = await restored(await backedUp(broken), place).catch((error: Error) => error)
  expect(String(fault)).toContain(`git does not take the repository of the project ${id}`)
  expect(String((fault as Error).cause)).toContain(`object ${tree}: hasDotgit`)
  expect(String((fault as Error).cause).match(/object [0-9a-f]{40}/g)).toHaveLength(1)
  expect(await foundIn(place.dataDir)).toEqual([])
})
