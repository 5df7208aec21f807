import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import { migrate } from '../../src/adapters/db/migrate.ts'
import { awaitDatabase, awaitRedis } from '../../src/await-backends.ts'
import { machine, main } from '../support/command.ts'
import { createTestDatabase } from '../support/database.ts'
import { testRedis } from '../support/redis.ts'
import { testSandbox } from '../support/sandbox.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const redis = testRedis()

/** Makes a port lead to a server that was there all along. */
const open = async (port: number, target: URL): Promise<void> => {
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname)
    socket.pipe(upstream).pipe(socket)
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
}

interface Started {
  readonly child: ChildProcess
  /** Settles with the first line that it writes, on either output, that has this in it. */
  says(words: string): Promise<string>
  said(words: string): number
}

/** A process of a deployment, as ops start it. */
const startProcess = (env: Readonly<Record<string, string>>, ...args: string[]): Started => {
  const child = spawn(process.execPath, [main(), ...args, '--json'], {
    env: { ...machine, PORT: '0', SANDBOX: testSandbox().driver, REHEARSAL: 'never', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const waiting: { words: string; resolve: (line: string) => void }[] = []
  const hear = (line: string) => {
    lines.push(line)
    for (const { words, resolve } of waiting) if (line.includes(words)) resolve(line)
  }
  createInterface({ input: child.stdout }).on('line', hear)
  createInterface({ input: child.stderr }).on('line', hear)
  return {
    child,
    says(words) {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const before = lines.find((line) => line.includes(words))
      if (before !== undefined) resolve(before)
      waiting.push({ words, resolve })
      child.once('exit', (code) => reject(new Error(`It ended with ${code} and had said: ${lines.join('\n')}`)))
      return promise
    },
    said: (words) => lines.filter((line) => line.includes(words)).length,
  }
}

it('an API and a worker that are started first wait for database, migrations and Redis, say so once, and begin', async () => {
  await using database = await createTestDatabase()
  await using directory = await temporaryDirectory()
  const client = new pg.Client(database.url)
  await client.connect()
  await client.query('drop schema public cascade; drop schema if exists bullmq cascade; create schema public')
  await client.end()
  const url = new URL(database.url)
  const databasePort = await freePort()
  const redisPort = await freePort()
  const behind = new URL(database.url)
  behind.port = String(databasePort)
  behind.hostname = '127.0.0.1'
  const env = {
    DATABASE_URL: behind.href,
    DATA_DIR: directory.path,
    ...(redis.url !== null && { REDIS_URL: `redis://127.0.0.1:${redisPort}` }),
  }
  const processes = [startProcess(env, 'worker', '--pool', 'maintenance'), startProcess(env, 'api')]
  const all = (words: string) => Promise.all(processes.map(({ says }) => says(words)))

  const [line] = await all('waiting for the database')
  expect(line).toContain(`127.0.0.1:${databasePort}${url.pathname}`)
  expect(line).toContain('ECONNREFUSED')
  if (url.password !== '') expect(line).not.toContain(url.password)
  await open(databasePort, url)
  await all('which `countersign migrate` brings')
  await migrate(database.url)
  if (redis.url !== null) {
    await all('waiting for Redis')
    await open(redisPort, new URL(redis.url))
  }
  await all('"type":"ready"')
  for (const { child, said } of processes) {
    expect(said('ECONNREFUSED')).toBe(redis.url === null ? 1 : 2)
    expect(said('which `countersign migrate` brings')).toBe(1)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  }
})

const impatient = { againMs: 1, doubtMs: 0 }
const log = { warn() {}, info() {} }

it('what will not come right by itself is an error that says what, where, and which variable, and no password', async () => {
  await using database = await createTestDatabase()
  const unknown = new URL(database.url)
  unknown.pathname = '/no_such_database'
  const fault = await awaitDatabase(unknown.href, false, { log, patience: impatient }).catch((error: Error) => error)
  expect(String(fault)).toContain(`Cannot use the database at ${unknown.host}/no_such_database: `)
  expect(String(fault)).toContain('"no_such_database" does not exist')
  expect(String(fault)).toContain('correct DATABASE_URL')
  if (unknown.password !== '') expect(String(fault)).not.toContain(unknown.password)

  const refusing = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    const refusal = '-WRONGPASS invalid username-password pair\r\n'
    // One for each command that came.
    socket.on('data', (data) => socket.write(refusal.repeat(data.toString().match(/^\*\d+\r$/gm)?.length ?? 0)))
  })
  refusing.listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  onTestFinished(() => void refusing.close())
  const place = `127.0.0.1:${(refusing.address() as { port: number }).port}`
  await expect(awaitRedis(`redis://:hunter2@${place}`, { log, patience: impatient })).rejects.toThrow(
    new RegExp(`^Cannot use Redis at ${place}: WRONGPASS .*correct REDIS_URL`),
  )
})

it('whoever waits is told to end, and ends', async () => {
  const stop = new AbortController()
  const told = new Error('Told to end.')
  const port = await freePort()
  const warn = () => stop.abort(told)
  const waiting = awaitRedis(`redis://127.0.0.1:${port}`, {
    log: { warn, info() {} },
    signal: stop.signal,
    patience: { againMs: 600_000, doubtMs: 0 },
  })
  await expect(waiting).rejects.toBe(told)
})
