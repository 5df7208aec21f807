import { hostname } from 'node:os'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../src/adapters/db/embedded-server.ts'
import { lastSigns } from '../../src/adapters/db/last-signs.ts'
import { checkProcesses } from '../../src/cli/health.ts'
import { createOutput } from '../../src/cli/output.ts'
import { readConfig } from '../../src/config.ts'
import { silentMs } from '../../src/domain/process/beat.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

/** The command as a container runs it. */
const check = async (given: { host?: string; port?: string; databaseUrl?: string; listensOn?: string } = {}) => {
  let told = ''
  const stream = {
    write: (text: string) => {
      told += text
    },
  }
  const config = readConfig({
    DATABASE_URL: given.databaseUrl ?? server.config.databaseUrl,
    PORT: given.port ?? new URL(server.url).port,
    HOST: given.listensOn ?? '0.0.0.0',
  })
  const output = createOutput({ json: false, quiet: true, stdout: stream, stderr: stream, stdin: {} })
  const code = await checkProcesses({ config, output, host: given.host ?? hostname(), freshMs: silentMs, lastSigns })
  return { code, told }
}

/** What the database has of a host's workers, without an API among them. */
const workerOn = (host: string, silentSeconds: number) =>
  sql`insert into process (id, name, pool, concurrency, running, host, version, sandbox, started_at, seen_at)
    values (${host}, ${host}, 'tests', 1, 0, ${host}, '1', '{}', now(), now() - make_interval(secs => ${silentSeconds}))`.execute(
    rows(server.context.services.em()),
  )

it('a ready API on this host is well', async () => {
  expect(await check()).toEqual({ code: 0, told: '' })
})

it('an API that does not answer is not, whatever sign of life there is', async () => {
  const port = String(await freePort())
  const { code, told } = await check({ port })
  expect(code).toBe(1)
  expect(told).toContain(`The API does not answer at http://127.0.0.1:${port}/readyz: connect ECONNREFUSED`)
})

it.each([
  ['::1', '[::1]'],
  ['::', '[::1]'],
  ['::ffff:127.0.0.1', '[::ffff:127.0.0.1]'],
  ['localhost', 'localhost'],
])('an API that listens on %s is asked at %s', async (listensOn, name) => {
  const port = String(await freePort())
  expect((await check({ port, listensOn })).told).toContain(`at http://${name}:${port}/readyz: `)
})

it('a worker is well while its sign of life is fresh, and nobody asks it for more', async () => {
  await workerOn('fresh', 1)
  expect(await check({ host: 'fresh', port: '1' })).toEqual({ code: 0, told: '' })
})

it('a worker that gives no sign of life is not', async () => {
  await workerOn('silent', 40)
  expect(await check({ host: 'silent' })).toEqual({
    code: 1,
    told: expect.stringMatching(/^The last sign of life on this host is 4\d s old\.\n$/),
  })
})

it('a host without a process is not', async () => {
  expect(await check({ host: 'nobody' })).toMatchObject({ code: 1, told: expect.stringContaining('No process') })
})

it('without its database nothing is known to be well', async () => {
  const port = await freePort()
  const { code, told } = await check({ databaseUrl: `postgres://nobody:secret@127.0.0.1:${port}/none` })
  expect(code).toBe(1)
  expect(told).toContain('The database could not be asked for signs of life: connect ECONNREFUSED')
  expect(told).not.toContain('secret')
})
