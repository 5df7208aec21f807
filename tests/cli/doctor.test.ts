import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { type Check, limited, missing, ok } from '../../src/cli/doctor/check.ts'
import { checkDatabase } from '../../src/cli/doctor/database.ts'
import { checkKeys } from '../../src/cli/doctor/keys.ts'
import { checkProviders } from '../../src/cli/doctor/providers.ts'
import { checkRedis } from '../../src/cli/doctor/redis.ts'
import { renderReport } from '../../src/cli/doctor/report.ts'
import { checkBubblewrap, checkDocker, checkSandbox } from '../../src/cli/doctor/sandbox.ts'
import type { ServerReport } from '../../src/cli/doctor/server.ts'
import { checkDataDir, checkDisk } from '../../src/cli/doctor/storage.ts'
import { checkGit, checkNode, checkPython, isAtLeast } from '../../src/cli/doctor/tools.ts'
import { withoutSecrets } from '../../src/cli/doctor/without-secrets.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { widthOf } from '../../src/cli/render/width.ts'
import { readConfig } from '../../src/config.ts'
import { createTestDatabase } from '../support/database.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test.each([
  ['git version 2.38.0', true],
  ['git version 2.37.9', false],
  ['git version 3.0', true],
  ['nothing', null],
] as const)('%s is at least 2.38: %s', (text, expected) => {
  expect(isAtLeast(text, [2, 38])).toBe(expected)
})

test('a key that a header cannot carry stops the start, and is not repeated', () => {
  for (const name of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY']) {
    for (const key of ['sk-canary\nsecond line', 'sk-canary with spaces', 'sk-canary\u00e9']) {
      const read = () => readConfig({ [name]: key })
      expect(read).toThrow(`${name}: must be one line`)
      expect(read).not.toThrow('canary')
    }
  }
})

test('an old node and absent programs are found missing, with what to do', async () => {
  expect(checkNode('20.20.2')).toMatchObject({ status: 'missing', remedy: expect.stringContaining('npm') })
  const nowhere = readConfig({ PATH: '/nowhere' })
  expect(await checkGit(nowhere)).toMatchObject({ status: 'missing', remedy: expect.stringContaining('git') })
  expect(await checkPython(nowhere)).toMatchObject({ status: 'limited' })
})

test('a git that is too old is missing', async () => {
  await using directory = await temporaryDirectory()
  await writeFile(join(directory.path, 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 })
  expect(await checkGit(readConfig({ PATH: directory.path }))).toMatchObject({
    status: 'missing',
    detail: 'this is git version 2.30.2, and 2.38 or later is needed',
  })
})

const noEngine = { PATH: process.env.PATH, DOCKER_HOST: 'unix:///nowhere/docker.sock' }

test('a driver that was asked for and is not there is missing, with what to install', async () => {
  const config = readConfig({ ...noEngine, SANDBOX: 'docker' })
  expect(await checkSandbox(config)).toMatchObject({
    status: 'missing',
    detail: expect.stringContaining('SANDBOX=docker'),
  })
  expect(await checkDocker(config)).toMatchObject({
    status: 'missing',
    detail: 'There is no Docker engine at /nowhere/docker.sock.',
    remedy: expect.stringContaining('docker.io'),
  })
})

test('a driver that nobody asked for is no fault, and it is said how to have it', async () => {
  const found = await checkDocker(readConfig({ ...noEngine, SANDBOX: 'bubblewrap' }))
  expect(found).toMatchObject({ status: 'ok', detail: expect.stringMatching(/^not used; .* To have it: .*docker\.io/) })
  const unused = await checkBubblewrap(readConfig({ ...noEngine, SANDBOX: 'none' }))
  expect(unused.status).toBe('ok')
})

test('no isolation is said to be none, though it was asked for', async () => {
  expect(await checkSandbox(readConfig({ ...noEngine, SANDBOX: 'none' }))).toMatchObject({
    status: 'limited',
    detail: expect.stringContaining('no isolation'),
  })
})

test.each([
  { env: { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, status: 'ok', says: 'OPENAI and ANTHROPIC configured' },
  { env: {}, status: 'limited', says: 'no model, plays OPENAI and ANTHROPIC in start and demo' },
  { env: { REHEARSAL: 'always' }, status: 'limited', says: 'everywhere' },
  { env: { REHEARSAL: 'never' }, status: 'missing', says: 'REHEARSAL=never' },
  { env: { REHEARSAL: 'never', OPENAI_BASE_URL: 'http://host/v1' }, status: 'limited', says: 'works alone' },
] as const)('providers with $env: $status', ({ env, status, says }) => {
  expect(checkProviders(readConfig(env))).toMatchObject({ status, detail: expect.stringContaining(says) })
})

test('no password of a URL is shown', async () => {
  expect(withoutSecrets('postgres://user:hunter2@host:5432/name?x=hunter2')).toBe('postgres://host:5432/name')
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const config = readConfig({
      DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${port}/d`,
      REDIS_URL: `redis://:hunter2@127.0.0.1:${port}`,
    })
    const found = [...(await checkDatabase(config)), await checkRedis(config)]
    expect(found.map(({ status }) => status)).toEqual(['missing', 'missing'])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})

test('a database without its migrations, of a newer version, or with another clock is told apart', async () => {
  await using database = await createTestDatabase()
  const look = async (url = database.url) => {
    const found = await checkDatabase(readConfig({ DATABASE_URL: url }))
    return Object.fromEntries(found.map(({ name, ...check }) => [name, check]))
  }
  expect(await look()).toMatchObject({
    database: { status: 'ok', detail: expect.stringMatching(/^PostgreSQL \d+/) },
    migrations: { status: 'ok' },
    clock: { status: 'ok' },
  })

  const client = new pg.Client(database.url)
  onTestFinished(() => client.end())
  // The database goes first.
  client.on('error', () => {})
  await client.connect()
  await client.query(`
    create schema skewed;
    create function skewed.clock_timestamp() returns timestamptz language sql
      as 'select pg_catalog.clock_timestamp() - interval ''1 hour''';
    insert into migration (name, executed_at) values ('Migration29990101000000_next', now())`)
  const skewed = new URL(database.url)
  skewed.searchParams.set('options', '-c search_path=skewed,pg_catalog,public')
  expect(await look(skewed.href)).toMatchObject({
    migrations: { status: 'missing', detail: expect.stringContaining('Migration29990101000000_next') },
    clock: { status: 'limited', detail: expect.stringMatching(/\d+ seconds ahead of the database's/) },
  })

  await client.query('truncate migration')
  expect((await look()).migrations).toMatchObject({
    status: 'missing',
    detail: expect.stringMatching(/lacks \d+ of them/),
    remedy: expect.stringContaining('countersign migrate'),
  })
})

const redisServer = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'redis-server'))
  .find((file) => existsSync(file))

test.skipIf(!redisServer)(
  `a Redis that evicts keys is a fault${redisServer ? '' : ' (skipped: no redis-server)'}`,
  async () => {
    await using directory = await temporaryDirectory()
    const port = await freePort()
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory.path, '--save', '']
    const redis = spawn(redisServer ?? '', [...options, '--maxmemory-policy', 'allkeys-lru'], { stdio: 'pipe' })
    const ended = once(redis, 'exit')
    try {
      for await (const line of createInterface({ input: redis.stdout })) if (/Ready to accept/.test(line)) break
      const config = readConfig({ REDIS_URL: `redis://127.0.0.1:${port}` })
      expect(await checkRedis(config)).toMatchObject({
        status: 'missing',
        detail: expect.stringContaining('evicts keys (allkeys-lru)'),
        remedy: expect.stringContaining('noeviction'),
      })
      await using queues = await openQueues(
        { redisUrl: config.redisUrl, databaseUrl: '', deployment: 'doctor' },
        { debug() {}, info() {}, warn() {}, error() {} },
      )
      expect(await queues.danger()).toContain('allkeys-lru')
    } finally {
      redis.kill()
      await ended
    }
  },
)

test('a key is fine where the provider lists its models, missing where it refuses, and open for all other answers', async () => {
  let status = 401
  const asked: string[] = []
  const provider = createHttpServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? request.headers['x-api-key']}`)
    // One of them is always well.
    response.writeHead(request.headers['x-api-key'] ? 200 : status, { location: '/elsewhere' }).end()
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  const base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const env = { OPENAI_API_KEY: 'sk-canary', ANTHROPIC_API_KEY: 'ak-canary', ANTHROPIC_BASE_URL: base }
  const look = () => checkKeys(readConfig({ ...env, OPENAI_BASE_URL: `${base}/v1` }))
  const well = 'ANTHROPIC gave its list of models (HTTP 200)'
  try {
    const refused = await look()
    expect(refused).toEqual({
      name: 'keys',
      status: 'missing',
      detail: `OPENAI refused it (HTTP 401); ${well}`,
      remedy: 'set OPENAI_API_KEY to a valid key',
    })
    expect(asked.toSorted()).toEqual(['/v1/models Bearer sk-canary', '/v1/models?limit=1 ak-canary'])
    for (const [http, verdict, words, remedy] of [
      [204, 'ok', 'gave its list of models', null],
      [307, 'limited', 'did not answer properly', 'set OPENAI_BASE_URL'],
      [403, 'missing', 'refused it', 'OPENAI_API_KEY'],
      [404, 'limited', 'did not answer properly', 'OPENAI_BASE_URL'],
      [429, 'limited', 'takes no more requests with it now', 'credit of OPENAI_API_KEY'],
      [500, 'limited', 'did not answer properly', 'ask again later'],
      [503, 'limited', 'did not answer properly', 'ask again later'],
    ] as const) {
      status = http
      const found = await look()
      expect(found).toMatchObject({ status: verdict, detail: expect.stringContaining(`OPENAI ${words}`) })
      expect(found.detail).toContain(`(HTTP ${http}); ${well}`)
      if (remedy === null) expect(found.remedy).toBeNull()
      else expect(found.remedy).toContain(remedy)
      expect(JSON.stringify(found)).not.toContain('canary')
    }
    expect(asked.filter((line) => line.includes('elsewhere'))).toEqual([])
  } finally {
    await new Promise((resolve) => provider.close(resolve))
  }
  expect(await look()).toMatchObject({
    status: 'limited',
    detail: expect.stringContaining('cannot be reached'),
    remedy: expect.stringContaining('OPENAI_BASE_URL'),
  })
  expect(await checkKeys(readConfig({}))).toMatchObject({ status: 'ok', detail: 'none is set' })
})

test('a data directory that is not there yet is fine where it can be made, a file in its place is not', async () => {
  await using directory = await temporaryDirectory()
  const dataDir = join(directory.path, 'a', 'b')
  expect(await checkDataDir(readConfig({ DATA_DIR: dataDir }))).toMatchObject({ status: 'ok' })
  expect((await checkDisk(readConfig({ DATA_DIR: dataDir }))).detail).toContain('GiB free')
  const file = join(directory.path, 'file')
  await writeFile(file, '')
  expect(await checkDataDir(readConfig({ DATA_DIR: file }))).toMatchObject({ status: 'missing' })
  // Nobody makes files there, whatever its permissions say.
  expect(await checkDataDir(readConfig({ DATA_DIR: '/proc/countersign' }))).toMatchObject({
    status: 'missing',
    detail: expect.stringContaining('/proc/countersign cannot be written'),
  })
})

test('the report has the remedy below each fault, a verdict at the end, and fits', () => {
  const checks = [
    ok('node', '24'),
    limited('python3', 'absent', 'get it'),
    missing('git', `absent ${'x '.repeat(60)}`, 'apt-get install git'),
  ]
  const render = (machine: readonly Check[] | null, server: ServerReport | null = null) =>
    renderReport({ machine, server }, plainStyle, 80)
  const lines = render(checks).split('\n')
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80)
  expect(lines.filter((line) => line.includes('To fix it:'))).toHaveLength(2)
  expect(lines.at(-1)).toBe('Countersign cannot run here yet: 1 missing.')
  expect(render(checks.slice(0, 2))).toMatch(/Countersign can run here\.$/)

  const server = { url: 'http://127.0.0.1:4000', version: '1.2.3\u001b[2J', checks }
  expect(render(null, server)).toMatch(/^The server at http:\/\/127\.0\.0\.1:4000, version 1\.2\.3/)
  expect(render(null, server)).not.toContain('\u001b')
  const both = render(checks.slice(0, 2), server)
  expect(both).toMatch(/^This machine\n/)
  expect(both).toMatch(/Countersign can run here\.\nThe server does not do all its work: 1 failed\.$/)
})
