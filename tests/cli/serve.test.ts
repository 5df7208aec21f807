import { expect, test } from 'vitest'
import { describeFault, InterruptedError } from '../../src/cli/exit.ts'
import { migrateDatabase } from '../../src/cli/migrate.ts'
import { createOutput } from '../../src/cli/output.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { localUrl, renderReady, type ServerProcess, serveAll, serveApi, serveWorkers } from '../../src/cli/serve.ts'
import { readConfig } from '../../src/config.ts'
import type { StartOptions } from '../../src/start.ts'

const running = {
  url: 'http://127.0.0.1:4000',
  adminToken: 'hunter2',
  adminTokenFile: '/data/admin-token',
  notices: ['a notice'],
}
const api = { api: true, pools: {} }
const view = { style: plainStyle, columns: 80 }

test('what is printed names the place of the token and never the token', () => {
  const kept = renderReady(running, api, { graphiql: true }, view)
  expect(kept).toContain('http://127.0.0.1:4000/graphql')
  expect(kept).toContain('in /data/admin-token')
  expect(kept).toContain('a notice')
  const given = renderReady({ ...running, adminTokenFile: null }, api, { graphiql: false }, view)
  expect(given).toContain('the one in ADMIN_TOKEN')
  expect(kept + given).not.toContain('hunter2')
})

test('a server on all addresses is reached on this machine by the loopback one', () => {
  expect(localUrl('http://0.0.0.0:4000')).toBe('http://127.0.0.1:4000')
  expect(localUrl('http://[::]:4000')).toBe('http://127.0.0.1:4000')
  expect(localUrl('http://10.0.0.1:4000')).toBe('http://10.0.0.1:4000')
})

/** Serves with a start that only records, and is told to end once it is ready. */
const serveOnce = async (
  serve: (options: Parameters<typeof serveAll>[0]) => Promise<number>,
  env: Readonly<Record<string, string>> = {},
) => {
  const stop = new AbortController()
  const written: string[] = []
  const warned: string[] = []
  const asked: StartOptions[] = []
  let closed = 0
  const stdout = {
    write: (text: string) => {
      written.push(text)
      stop.abort()
    },
  }
  const output = createOutput({
    json: true,
    quiet: false,
    stdout,
    stderr: { write: (text: string) => warned.push(text) },
    stdin: {},
  })
  const start = async (_config: unknown, options: StartOptions): Promise<ServerProcess> => {
    asked.push(options)
    return {
      ...running,
      url: options.api ? 'http://127.0.0.1:9' : '',
      rehearsal: [],
      failed: new Promise(() => {}),
      close: async () => {
        closed += 1
      },
    }
  }
  const exitCode = await serve({ config: readConfig(env), output, signal: stop.signal, start })
  return { exitCode, asked: asked[0], ready: JSON.parse(written.join('')), warned: warned.join(''), closed }
}

const deployed = { DATABASE_URL: 'postgres://host/name' }

test('the API alone has no workers, no rehearsal, and leaves a configured database as it is', async () => {
  const { exitCode, asked, ready, closed } = await serveOnce(serveApi, deployed)
  expect(exitCode).toBe(0)
  expect(asked).toMatchObject({ api: true, pools: {}, rehearsal: false, migrate: false })
  expect(ready).toMatchObject({ type: 'ready', url: 'http://127.0.0.1:9', adminTokenFile: '/data/admin-token' })
  expect(closed).toBe(1)
})

test('told to end while it waits for its database, a process ends well, and what goes wrong then is told', async () => {
  const stop = new AbortController()
  const output = createOutput({ json: true, quiet: false, stdout: { write() {} }, stderr: { write() {} }, stdin: {} })
  const options = { config: readConfig(deployed), output, signal: stop.signal }
  const waits = async (_config: unknown, { signal }: StartOptions): Promise<never> => {
    stop.abort(new InterruptedError())
    throw signal?.reason
  }
  expect(await serveApi({ ...options, start: waits })).toBe(0)
  const fails = () => Promise.reject(new Error('Cannot use the database.'))
  await expect(serveApi({ ...options, start: fails })).rejects.toThrow('Cannot use the database.')
})

test('workers get the pools and the concurrency that were named', async () => {
  const { asked, ready } = await serveOnce((options) => serveWorkers(options, ['tests'], 5), deployed)
  expect(asked).toMatchObject({ api: false, pools: { tests: 5 } })
  expect(ready).not.toHaveProperty('url')
  const all = await serveOnce((options) => serveWorkers(options, [], undefined), deployed)
  expect(Object.keys(all.asked?.pools ?? {})).toEqual([
    'planning',
    'phases',
    'candidates',
    'sessions',
    'tests',
    'maintenance',
    'webhooks',
  ])
})

test('a database that a process brings along is migrated by it', async () => {
  expect((await serveOnce(serveApi)).asked).toMatchObject({ migrate: true })
})

test('without a sample project the server runs all the same, and says so', async () => {
  const { exitCode, ready, warned } = await serveOnce(serveAll)
  expect(exitCode).toBe(0)
  expect(ready).toMatchObject({ type: 'ready' })
  expect(warned).toContain('The sample project could not be made')
})

test('migrate without DATABASE_URL is a matter of usage', async () => {
  const output = createOutput({
    json: false,
    quiet: false,
    stdout: { write: () => true },
    stderr: { write: () => true },
    stdin: {},
  })
  await expect(migrateDatabase({ config: readConfig({}), output, migrate: async () => [] })).rejects.toThrow(
    'needs DATABASE_URL',
  )
})

test('a fault is told with its causes, once each, and with a stack only when asked', () => {
  const error = new Error('The server did not start', { cause: new Error('connect ECONNREFUSED 127.0.0.1:5432') })
  expect(describeFault(error, { stack: false })).toBe(
    'The server did not start\n  because: connect ECONNREFUSED 127.0.0.1:5432',
  )
  expect(describeFault(error, { stack: true })).toContain('serve.test.ts')
  expect(describeFault(new Error('a: b', { cause: new Error('b') }), { stack: false })).toBe('a: b')
  expect(describeFault(new AggregateError([new Error('one'), new Error('two')]), { stack: false })).toBe('one; two')
})
