import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endRestore } from '../../src/adapters/backup/restoring-file.ts'
import { migrate, pendingMigrations } from '../../src/adapters/db/migrate.ts'
import { restoreLock } from '../../src/adapters/db/restoring.ts'
import { awaitDatabase } from '../../src/await-backends.ts'
import { restore } from '../../src/cli/backup/restore.ts'
import { InterruptedError } from '../../src/cli/exit.ts'
import { createOutput } from '../../src/cli/output.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import { type Cut, startCuttingProxy } from './cutting-proxy.ts'
import { addProject, backedUp, migrated, newPlace, type Place, repositoriesOf, restored } from './places.ts'

const projectId = randomUUID()
const uploadId = randomUUID()
const stack = new AsyncDisposableStack()
let from: Place
let backup: Awaited<ReturnType<typeof backedUp>>

beforeAll(async () => {
  from = stack.use(await newPlace())
  await addProject(from, projectId)
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
const whole = [`${projectId}.git`, `${uploadId}.tar`, 'admin-token', 'secret-key'].sort()

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

interface Watching {
  copyIn?(...args: Parameters<GitStore['copyIn']>): Promise<void>
  publish?(): Promise<void>
}

/** The repositories of a place. @param told of what is about to be done with them */
const watched =
  ({ dataDir }: Place, told: Watching) =>
  (): GitStore => {
    const store = repositoriesOf(dataDir)
    return {
      ...store,
      async copyIn(...args) {
        await told.copyIn?.(...args)
        return await store.copyIn(...args)
      },
      async publish(...args) {
        await told.publish?.()
        return await store.publish(...args)
      },
    }
  }

interface CutOptions {
  readonly patienceMs?: number
  readonly signal?: AbortSignal
  /** Told of each look for what became of it. */
  readonly refused?: () => void
}

/** Restores by way of a proxy, which cuts the connection at the commit that makes the rows visible. */
const cutRestore = async (place: Place, moment: Cut, isDown: boolean, options: CutOptions = {}) => {
  const { patienceMs = isDown ? 0 : 60_000, signal = new AbortController().signal, refused } = options
  await using proxy = await startCuttingProxy(place.databaseUrl)
  const git = watched(place, {
    async publish() {
      // Everything that was committed before this is small.
      proxy.cut(moment, isDown, refused)
    },
  })
  const at = { databaseUrl: proxy.url, dataDir: place.dataDir }
  return await restored(backup, at, { migrate: migrated, git, patienceMs }, { signal })
}

it('when the answer to the last commit is lost, the database is asked, and what is there stays', async () => {
  await using place = await newPlace()
  await cutRestore(place, 'before its answer is heard', false)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(2)
  expect((await schemas(place)).map(({ nspname }) => nspname)).toEqual(['public'])
})

it('when the last commit is lost, nothing is left', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before the server hears of it', false)).rejects.toThrow('Connection terminated')
  expect(await foundIn(place.dataDir)).toEqual([])
  expect(await schemas(place)).toEqual([{ nspname: 'public', relations: 0 }])
})

it('when nobody can say what became of the last commit, all is left, and the next starts find that it is complete', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before its answer is heard', true)).rejects.toThrow('not known whether the rows are')
  expect(await foundIn(place.dataDir)).toEqual([...whole, 'restoring'].sort())
  // Two processes at once: the second has seen the file, and not yet the database, when the first ends it.
  const first = () => endRestore(place.databaseUrl, place.dataDir)
  await using second = await startCuttingProxy(place.databaseUrl, first)
  await endRestore(second.url, place.dataDir)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(2)
  expect((await schemas(place)).map(({ nspname }) => nspname)).toEqual(['public'])
})

it('whoever tells it to end while the database is asked hears at once that the outcome is not known; the next restore finds it', async () => {
  await using place = await newPlace()
  const stop = new AbortController()
  const silent = { write: () => true }
  const restoring = restore({
    output: createOutput({ json: true, quiet: true, stdout: silent, stderr: silent, stdin: {} }),
    signal: stop.signal,
    path: backup.directory,
    dataDir: place.dataDir,
    knownMigrations: backup.manifest.migrations,
    restore: ({ signal }) =>
      cutRestore(place, 'before its answer is heard', true, {
        signal,
        patienceMs: 600_000,
        refused: () => stop.abort(new InterruptedError()),
      }),
    check: () => Promise.reject(new Error('It was not restored.')),
  })
  await expect(restoring).rejects.toMatchObject({
    name: 'RestoreOutcomeError',
    message: expect.stringMatching(/told to end.*not known whether the rows are/),
  })
  expect(await foundIn(place.dataDir)).toEqual([...whole, 'restoring'].sort())

  await expect(restored(backup, place)).rejects.toThrow(/An earlier restore.*is complete/)
  expect(await foundIn(place.dataDir)).toEqual(whole)
  expect(await projectsIn(place)).toBe(2)
})

it('until a restore that was broken off is made again nothing can be begun, and that takes away what it left', async () => {
  await using place = await newPlace()
  await expect(cutRestore(place, 'before the server hears of it', true)).rejects.toThrow('not known')
  expect(await foundIn(place.dataDir)).toEqual([...whole, 'restoring'].sort())
  const { databaseUrl, dataDir } = place
  const log = { info: () => {}, warn: () => {} }
  // What is said is why, and not that its lock could not be let go of.
  await using lossy = await startCuttingProxy(databaseUrl)
  lossy.cut('before the server hears of it', false)
  for (const begin of [
    () => migrate(databaseUrl),
    () => migrate(lossy.url),
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
  // As if it had been killed while it wrote them. What the person put there stays.
  await truncate(join(dataDir, 'admin-token'), 3)
  await truncate(join(dataDir, 'secret-key'), 0)
  await writeFile(join(dataDir, 'signing-key'), 'of the person')
  await restored(backup, place)
  expect(await foundIn(dataDir)).toEqual([...whole, 'signing-key'].sort())
  expect(await readFile(join(dataDir, 'admin-token'), 'utf8')).toBe('csk_of-the-administrator\n')
  expect(await readFile(join(dataDir, 'secret-key'), 'utf8')).toBe(`${'ab'.repeat(32)}\n`)
  expect(await projectsIn(place)).toBe(2)
  await using git = repositoriesOf(dataDir)
  expect(await git.verify(projectId, new AbortController().signal)).toEqual([])
})

/** A restore that fails when its repository is placed and its upload is not. */
const failing = (place: Place, placing: () => Promise<void>) => {
  const git = watched(place, {
    async publish() {
      await mkdir(join(place.dataDir, 'archives', `${uploadId}.tar`), { recursive: true })
      await placing()
    },
  })
  return restored(backup, place, { migrate: migrated, git })
}

it('what was put into the data directory is taken away when something after it fails', async () => {
  await using place = await newPlace()
  const seen: unknown[] = []
  const placing = async () => void seen.push(await foundIn(place.dataDir))
  await expect(failing(place, placing)).rejects.toThrow('EISDIR')
  expect(seen).toEqual([expect.arrayContaining(['restoring'])])
  expect(await foundIn(place.dataDir)).toEqual([`${uploadId}.tar`])
})

it('what another restore has put there by then stays: one that has lost its database does not know of it', async () => {
  await using place = await newPlace()
  const mark = join(place.dataDir, 'restoring')
  await expect(failing(place, () => writeFile(mark, 'another'))).rejects.toThrow('EISDIR')
  expect(await readFile(mark, 'utf8')).toBe('another')
  expect((await stat(join(place.dataDir, 'repositories', `${projectId}.git`))).isDirectory()).toBe(true)
})

it('of two restores into one data directory, with a database each, the later one is refused and touches nothing', async () => {
  await using place = await newPlace()
  const mark = join(place.dataDir, 'restoring')
  // The other one begins after this one has looked at the place.
  const begins = async () => {
    await writeFile(mark, 'another')
    await writeFile(join(place.dataDir, 'admin-token'), 'of the other')
    return []
  }
  await expect(restored(backup, place, { migrate: begins })).rejects.toMatchObject({
    name: 'RestoreRefusedError',
    message: expect.stringContaining('Another restore into'),
  })
  expect(await readFile(mark, 'utf8')).toBe('another')
  expect(await foundIn(place.dataDir)).toEqual(['admin-token', 'restoring'])
  expect(await schemas(place)).toEqual([{ nspname: 'public', relations: 0 }])
})

it('a restore that was killed before its mark was written is told apart from one of another database', async () => {
  await using place = await newPlace()
  await writeFile(join(place.dataDir, 'restoring'), '')
  await expect(restored(backup, place)).rejects.toThrow(/killed as it began.*remove the empty file/)
  await expect(endRestore(place.databaseUrl, place.dataDir)).rejects.toMatchObject({ name: 'UnfinishedRestoreError' })
})

it('when the connection with the lock is lost, nothing more is done', async () => {
  await using place = await newPlace()
  const done: string[] = []
  const git = watched(place, {
    async copyIn(...[, , , signal]) {
      const lost = once(signal, 'abort')
      await place.client.query(
        `select pg_terminate_backend(pid) from pg_locks join pg_database on pg_database.oid = database
         where locktype = 'advisory' and objid = ${restoreLock} and datname = current_database()`,
      )
      await lost
      done.push('copyIn')
    },
    async publish() {
      done.push('publish')
    },
  })
  await expect(restored(backup, place, { migrate: migrated, git })).rejects.toThrow('to the database was lost')
  expect(done).toEqual(['copyIn'])
  expect(await foundIn(place.dataDir)).toEqual([])
  expect(await schemas(place)).toEqual([{ nspname: 'public', relations: 0 }])
})

it('while rows are loaded and files are placed, no transaction keeps the readers of other databases waiting, and a second restore into the database is refused', async () => {
  await using place = await newPlace()
  const second = { databaseUrl: place.databaseUrl, dataDir: join(place.dataDir, 'second') }
  const writing = `select count(*)::int as open from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and backend_xid is not null`
  const seen: unknown[] = []
  const look = async () => void seen.push((await place.client.query(writing)).rows[0]?.open)
  const git = watched(place, {
    copyIn: look,
    async publish() {
      await look()
      seen.push(await restored(backup, second).catch(String))
    },
  })
  await restored(backup, place, { migrate: migrated, git })
  expect(seen).toEqual([0, 0, expect.stringContaining('Another restore into this database is under way')])
})

it('an object that git would not take from a remote is named, and nothing is restored', async () => {
  await using place = await newPlace()
  await using git = repositoriesOf(from.dataDir)
  const directory = git.directory(projectId)
  const write = (type: string, content: Buffer) =>
    execFileSync('git', ['hash-object', '-w', '-t', type, '--literally', '--stdin'], { cwd: directory, input: content })
      .toString()
      .trim()
  const blob = write('blob', Buffer.from('[core]\n'))
  const tree = write('tree', Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]))
  // Nothing reaches it, and it lacks something: that is no fault.
  write('tree', Buffer.concat([Buffer.from('100644 gone\0'), Buffer.alloc(20, 1)]))
  const broken = await backedUp(from)
  const fault = await restored(broken, place, { migrate: migrated }).catch((error: Error) => error)
  expect(String(fault)).toContain(`git does not take the repository of the project ${projectId}`)
  expect(String((fault as Error).cause)).toContain(`object ${tree}: hasDotgit`)
  expect(String((fault as Error).cause).match(/object [0-9a-f]{40}/g)).toHaveLength(1)
  expect(await foundIn(place.dataDir)).toEqual([])
})
