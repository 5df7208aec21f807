import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseAccount } from '../../src/adapters/db/embedded-account.ts'
import { postgresBinaries } from '../../src/adapters/db/embedded-binaries.ts'
import { openCluster } from '../../src/adapters/db/embedded-cluster.ts'
import { startEmbeddedPostgres } from '../../src/adapters/db/embedded-postgres.ts'
import { parentOf, runAs } from '../../src/adapters/db/embedded-process.ts'
import { freePort, startServer } from '../../src/adapters/db/embedded-server.ts'
import { isGone, postmasterPid, startHolder } from '../support/embedded-holder.ts'
import { fastParent, type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

const isRoot = process.getuid?.() === 0
const isLinux = process.platform === 'linux'
const log = () => undefined

/** A cluster made once, of which most tests use a copy. */
let model: TemporaryDirectory
beforeAll(async () => {
  model = await temporaryDirectory(await fastParent())
  await (await startEmbeddedPostgres({ dataDir: model.path, log, isDurable: false })).stop()
})
afterAll(async () => await model[Symbol.asyncDispose]())

async function readyDirectory(): Promise<TemporaryDirectory> {
  const scratch = await temporaryDirectory(await fastParent())
  await runAs(null, 'cp', ['-Rp', `${model.path}/.`, scratch.path])
  return scratch
}

describe('the embedded database', () => {
  it('takes connections with its password on the loopback interface only, and keeps what was committed', async () => {
    await using scratch = await temporaryDirectory()
    const dataDir = join(scratch.path, 'data')
    const first = await startEmbeddedPostgres({ dataDir, log })
    await query(first.connectionString, `create table kept as select 'Grüße' as text`)
    const [settings] = await query(
      first.connectionString,
      `select current_setting('fsync') as fsync, current_setting('server_encoding') as encoding,
              current_setting('listen_addresses') as addresses,
              current_database() as database, current_setting('is_superuser') as superuser`,
    )
    expect(settings).toEqual({
      fsync: 'on',
      encoding: 'UTF8',
      addresses: '127.0.0.1',
      database: 'countersign',
      superuser: 'off',
    })
    const wrong = new URL(first.connectionString)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')
    for (const address of foreignAddresses()) {
      await expect(connects(address, Number(wrong.port))).resolves.toBe(false)
    }
    expect((await stat(join(first.directory, 'password'))).mode & 0o777).toBe(0o600)
    const pid = await postmasterPid(first.directory)
    await Promise.all([first.stop(), first.stop()])
    expect(await first.ended).toBeNull()
    expect(await isGone(pid)).toBe(true)

    const second = await startEmbeddedPostgres({ dataDir, log })
    expect(await query(second.connectionString, 'select text from kept')).toEqual([{ text: 'Grüße' }])
    await second.stop()
  })

  it('says so when it ends by itself', async () => {
    await using scratch = await readyDirectory()
    const database = await startEmbeddedPostgres({ dataDir: scratch.path, log, isDurable: false })
    process.kill(await postmasterPid(database.directory), 'SIGQUIT')
    expect(await database.ended).toMatchObject({ message: expect.stringContaining('ended by itself') })
    await database.stop()
  })

  it('stops its server when the start fails half-way', async () => {
    await using scratch = await readyDirectory()
    await writeFile(join(scratch.path, 'postgres', 'password'), 'another\n')
    const lines: string[] = []
    const failing = startEmbeddedPostgres({ dataDir: scratch.path, log: (line) => lines.push(line), isDurable: false })
    await expect(failing).rejects.toThrow('password authentication failed')
    expect(lines.at(-1)).toContain('database system is shut down')
    expect(await readdir(join(scratch.path, 'postgres', 'data'))).not.toContain('postmaster.pid')
  })

  it('leaves a directory alone that holds something else', async () => {
    await using scratch = await temporaryDirectory(await fastParent())
    await mkdir(join(scratch.path, 'postgres'))
    await writeFile(join(scratch.path, 'postgres', 'letter.txt'), 'mine')
    await expect(startEmbeddedPostgres({ dataDir: scratch.path, log })).rejects.toThrow('holds files and no database')
    expect(await readFile(join(scratch.path, 'postgres', 'letter.txt'), 'utf8')).toBe('mine')
    expect(await readdir(scratch.path)).toEqual(['postgres'])
  })
})

describe('two servers on one data directory', () => {
  it('refuses the second and names the process that holds it', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path, isDurable: false })
    const { connectionString } = await holder.held
    const second = startEmbeddedPostgres({ dataDir: scratch.path, log })
    await expect(second).rejects.toMatchObject({ name: 'DatabaseInUseError', holderPid: holder.pid })
    expect(await query(connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('lets exactly one of several that start at once make the database', async () => {
    await using scratch = await temporaryDirectory(await fastParent())
    const dataDir = join(scratch.path, 'data')
    const starts = await Promise.allSettled(
      [1, 2, 3].map(() => startEmbeddedPostgres({ dataDir, log, isDurable: false })),
    )
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    const refusals = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
    expect(refusals).toEqual([1, 2].map(() => expect.objectContaining({ holderPid: process.pid })))
    for (const { connectionString, stop } of started) {
      expect(await query(connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
      await stop()
    }
    expect(started).toHaveLength(1)
    expect(await readdir(dataDir)).toEqual(['postgres'])
  })
})

describe('a server process that ends without a word', () => {
  it('takes its database with it when it is killed, and finds its rows again', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path })
    const { connectionString, directory } = await holder.held
    await query(connectionString, 'create table kept as select 7 as number')
    const pid = await postmasterPid(directory)
    await holder.kill('SIGKILL')
    expect(await isGone(pid)).toBe(true)

    const database = await startEmbeddedPostgres({ dataDir: scratch.path, log })
    expect(await query(database.connectionString, 'select number from kept')).toEqual([{ number: 7 }])
    await database.stop()
  })

  it('can be started again at once, while the old database is still shutting down', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path, isDurable: false })
    await holder.held
    await holder.kill('SIGKILL')
    const database = await startEmbeddedPostgres({ dataDir: scratch.path, log, isDurable: false })
    await database.stop()
  })

  it('leaves nothing when it is killed while the database starts', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path, isDurable: false })
    await holder.wrote('starting PostgreSQL')
    const pid = await postmasterPid(join(scratch.path, 'postgres'))
    await holder.kill('SIGKILL')
    expect(await isGone(pid)).toBe(true)
  })

  it('shuts its database down cleanly after an interrupt from the terminal', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path, isDurable: false })
    const { directory } = await holder.held
    const pid = await postmasterPid(directory)
    process.kill(-holder.pid, 'SIGINT')
    expect(await isGone(pid)).toBe(true)
    expect(await readdir(join(directory, 'data'))).not.toContain('postmaster.pid')
  })

  it('does not stop the next start when its supervisor was killed as well', async () => {
    await using scratch = await readyDirectory()
    await using holder = startHolder({ dataDir: scratch.path })
    const { connectionString, directory } = await holder.held
    await query(connectionString, 'create table kept as select 7 as number')
    const pid = await postmasterPid(directory)
    for (const supervisor of await supervisorsOf(pid)) process.kill(supervisor, 'SIGKILL')
    await holder.kill('SIGKILL')

    const database = await startEmbeddedPostgres({ dataDir: scratch.path, log })
    expect(await isGone(pid)).toBe(true)
    expect(await query(database.connectionString, 'select number from kept')).toEqual([{ number: 7 }])
    await database.stop()
  })

  it.runIf(isLinux)('does not stop the next start by a query that still runs', async () => {
    await using scratch = await readyDirectory()
    const first = await startEmbeddedPostgres({ dataDir: scratch.path, log, isDurable: false })
    const client = new pg.Client(first.connectionString)
    client.on('error', log)
    await client.connect()
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const endless = client.query(`do $$ begin loop null; end loop; end $$`).catch((error: Error) => error)
    await isBusy(first.connectionString, Number(rows[0]?.pid))
    process.kill(await postmasterPid(first.directory), 'SIGKILL')
    await first.ended

    const second = await startEmbeddedPostgres({ dataDir: scratch.path, log, isDurable: false })
    expect(await endless).toBeInstanceOf(Error)
    expect(await isGone(Number(rows[0]?.pid))).toBe(true)
    await second.stop()
  })

  it('starts although another process has the number in its lock file', async () => {
    await using scratch = await readyDirectory()
    const data = join(scratch.path, 'postgres', 'data')
    await writeFile(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n0\n5432\n\n127.0.0.1\n0 0\nready   \n`)
    const second = await startEmbeddedPostgres({ dataDir: scratch.path, log, isDurable: false })
    expect(await query(second.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
    await second.stop()
  })
})

describe('the user that the database runs as', () => {
  it.runIf(isRoot)('cannot reach a private data directory, so that the database is kept elsewhere', async () => {
    await using scratch = await temporaryDirectory(await fastParent())
    const hidden = join(scratch.path, 'home')
    await mkdir(hidden, { mode: 0o700 })
    const options = { dataDir: join(hidden, 'data'), systemDir: join(scratch.path, 'system'), log, isDurable: false }
    const first = await startEmbeddedPostgres(options)
    expect(first.directory.startsWith(`${options.systemDir}/`)).toBe(true)
    expect(first.notice).toContain(first.directory)
    await query(first.connectionString, 'create table kept as select 7 as number')
    await first.stop()

    const second = await startEmbeddedPostgres(options)
    expect(second.directory).toBe(first.directory)
    expect(await query(second.connectionString, 'select number from kept')).toEqual([{ number: 7 }])
    await second.stop()

    await rm(options.dataDir, { recursive: true })
    const afresh = await startEmbeddedPostgres(options)
    await expect(query(afresh.connectionString, 'select number from kept')).rejects.toThrow('does not exist')
    await afresh.stop()
  })

  it.runIf(isRoot)('gets a copy of the programs where it cannot reach them', async () => {
    await using scratch = await temporaryDirectory()
    const account = await databaseAccount('/nonexistent')
    const { postgres } = await postgresBinaries(null, scratch.path)
    const native = join(postgres, '..', '..')
    await using clone = await temporaryDirectory()
    await chmod(clone.path, 0o755)
    await runAs(null, 'cp', ['-R', join(native, '..'), join(clone.path, 'package')])
    const hidden = join(clone.path, 'package', 'native')
    expect(await postgresBinaries(account, scratch.path, hidden)).toMatchObject({ copiedTo: null })

    await chmod(clone.path, 0o700)
    const [copy, again] = await Promise.all([
      postgresBinaries(account, scratch.path, hidden),
      postgresBinaries(account, scratch.path, hidden),
    ])
    expect(copy).toEqual(again)
    expect(copy.copiedTo?.startsWith(scratch.path)).toBe(true)
    expect(await runAs(account, copy.postgres, ['--version'])).toContain(copy.version)
    expect(await readdir(join(scratch.path, 'binaries'))).toHaveLength(1)
  })

  it.runIf(isRoot)('is a number of its own on a system without a postgres account', async () => {
    await using scratch = await temporaryDirectory(await fastParent())
    const passwd = join(scratch.path, 'passwd')
    const nobody = (await readFile('/etc/passwd', 'utf8')).split('\n').filter((line) => line.startsWith('nobody:'))
    await writeFile(
      passwd,
      ['root:x:0:0:root:/root:/bin/sh', 'taken:x:60700:60700::/:/bin/false', ...nobody].join('\n'),
    )
    const account = await databaseAccount('/nonexistent', passwd)
    expect(account).toMatchObject({ uid: 60_701, gid: 60_701 })
    const binaries = await postgresBinaries(account, scratch.path)
    const cluster = await openCluster(join(scratch.path, 'postgres'), account, binaries, false)
    expect((await stat(cluster.data)).uid).toBe(60_701)
    const settings = { port: String(await freePort()), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
    const server = await startServer({ ...binaries, ...cluster, settings, log })
    await server.stop()
    expect(await server.ended).toBe(0)
  })

  it.runIf(isRoot)('is the one who began, and root can serve what another user began', async (test) => {
    await using scratch = await temporaryDirectory(await fastParent())
    const identity = { uid: 65_534, gid: 65_534 }
    const canRun = await runAs(identity, process.execPath, ['--version']).then(
      () => true,
      () => false,
    )
    if (!canRun) test.skip('another user cannot reach node here')
    await chmod(scratch.path, 0o777)
    const dataDir = join(scratch.path, randomBytes(4).toString('hex'))
    await using holder = startHolder({ dataDir, isDurable: false }, identity)
    const { connectionString, directory, notice } = await holder.held
    expect({ directory, notice }).toEqual({ directory: join(dataDir, 'postgres'), notice: null })
    await query(connectionString, 'create table kept as select 7 as number')
    const pid = await postmasterPid(directory)
    await holder.kill('SIGKILL')
    expect(await isGone(pid)).toBe(true)

    const asRoot = await startEmbeddedPostgres({ dataDir, log, isDurable: false })
    expect(await query(asRoot.connectionString, 'select number from kept')).toEqual([{ number: 7 }])
    await asRoot.stop()
    expect((await stat(join(directory, 'data', 'PG_VERSION'))).uid).toBe(identity.uid)
  })
})

async function query(connectionString: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(connectionString)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Waits until a backend of the database has begun the endless query. */
async function isBusy(connectionString: string, pid: number): Promise<void> {
  for (;;) {
    const rows = await query(
      connectionString,
      `select query from pg_stat_activity where pid = ${pid} and query like 'do %'`,
    )
    if (rows.length > 0) return
  }
}

/** The shell that started a server, and that shell's other children. */
async function supervisorsOf(pid: number): Promise<number[]> {
  const shell = await parentOf(pid)
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const siblings: number[] = []
  for (const other of all) if (other !== pid && (await parentOf(other)) === shell) siblings.push(other)
  return [...(shell === null ? [] : [shell]), ...siblings]
}

function foreignAddresses(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address)
}

async function connects(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket
      .once('connect', () => settle(true))
      .once('error', () => settle(false))
      .once('timeout', () => settle(false))
  })
}
