import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openQueues } from '../../src/adapters/queue/queues.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { pools } from '../../src/jobs/job.ts'
import { startWorkerPools } from '../../src/workers/worker-pools.ts'
import { globalId, made } from '../factories/api.ts'
import { actorWithToken } from '../factories/pipeline.ts'
import { testRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  // Nobody takes a job.
  server = await startTestServer({ env: { QUEUE_BOARD: 'true' }, pools: {} })
})
afterAll(() => server[Symbol.asyncDispose]())

const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { redirect: 'manual', ...init })
const signIn = (token: string, origin = server.url) =>
  ask('/queues/sign-in', { method: 'POST', headers: { origin }, body: new URLSearchParams({ token }) })
const cookieOf = (response: Response): string => response.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
const asking = (cookie: string) => ({ headers: { cookie } })

const redis = testRedis()
describe.each([
  { name: 'postgres', backend: 'postgres', url: undefined, skipped: false },
  { name: `redis${redis.note}`, backend: 'redis', url: redis.url ?? undefined, skipped: redis.url === null },
])('on $name', ({ backend, url, skipped }) => {
  it.skipIf(skipped)(
    'shows each pool with its jobs, what a job names, and the backend; and changes nothing',
    async () => {
      const queues = await openQueues(
        { redisUrl: url, databaseUrl: server.config.databaseUrl ?? '', deployment: randomUUID() },
        server.context.services.log,
      )
      expect(queues.backend).toBe(backend)
      const payload = { projectId: randomUUID() }
      await queues.add('maintenance', 'prepare-project', payload, `outbox-${backend}`)
      const board = await queues.openBoard('/queues')
      const show = async (path: string, method = 'GET') => {
        const response = await board.answer(new Request(`http://countersign.invalid/queues/api${path}`, { method }))
        return { status: response.status, body: await response.json() }
      }
      const { status, body } = await show('/queues?activeQueue=maintenance&status=latest&page=1&jobsPerPage=10')
      expect(status).toBe(200)
      expect(body.queues.map(({ name }: { name: string }) => name)).toEqual(pools)
      const maintenance = body.queues.find(({ name }: { name: string }) => name === 'maintenance')
      expect(maintenance).toMatchObject({ readOnlyMode: true, hasWorkers: null, counts: { waiting: 1, failed: 0 } })
      expect(maintenance.jobs).toMatchObject([{ id: `outbox-${backend}`, name: 'prepare-project', data: payload }])
      const job = `/queues/maintenance/outbox-${backend}`
      expect(await show(job)).toMatchObject({ status: 200, body: { status: 'waiting', job: { data: payload } } })
      expect((await show('/redis/stats')).body).toMatchObject({ backend, version: expect.stringMatching(/^\d+/) })
      for (const action of [`${job}/clean`, '/queues/maintenance/pause', '/queues/maintenance/obliterate']) {
        expect((await show(action, 'PUT')).status).toBe(405)
      }
      expect((await queues.jobsIn('maintenance')).waiting).toEqual([`outbox-${backend}`])
      await queues[Symbol.asyncDispose]()
      expect(await show('/queues')).toEqual({ status: 503, body: { error: expect.stringContaining('do not answer') } })
    },
  )

  it.skipIf(skipped)('what a job failed of is kept without secrets, and no longer than anybody reads', async () => {
    const { services } = server.context
    await using queues = await openQueues(
      { redisUrl: url, databaseUrl: server.config.databaseUrl ?? '', deployment: randomUUID() },
      services.log,
    )
    const board = await queues.openBoard('/queues')
    const id = `outbox-${backend}-failing`
    await queues.add('maintenance', 'prepare-project', { projectId: randomUUID() }, id)
    const fault = new TypeError(`no way to postgres://somebody:canary@host/db ${'x'.repeat(100_000)}`)
    const em = () => {
      throw fault
    }
    await using _pools = await startWorkerPools({ ...services, em }, queues, { maintenance: 1 })
    const kept = async () => {
      const answer = await board.answer(new Request(`http://countersign.invalid/queues/api/queues/maintenance/${id}`))
      return (await answer.json()).job
    }
    await expect
      .poll(async () => (await kept()).failedReason, { timeout: 20_000 })
      .toMatch(/^no way to postgres:\/\/\[redacted\]@host\/db x+$/)
    const { failedReason, stacktrace } = await kept()
    expect(failedReason.length).toBeLessThanOrEqual(1_000)
    expect(stacktrace[0]).toMatch(/^TypeError: no way to postgres:\/\/\[redacted\]@host/)
    expect(stacktrace[0].length).toBeLessThanOrEqual(4_000)
  })
})

it('a browser signs in with an ADMIN’s token by a form, and loads the page and what belongs to it', async () => {
  const form = await ask('/queues')
  expect([form.status, form.headers.get('content-type')]).toEqual([401, 'text/html; charset=utf-8'])
  expect(await form.text()).toContain('<form method="post" action="/queues/sign-in">')
  expect(form.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*style-src 'sha256-/)

  const signedIn = await signIn(server.token)
  expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/queues'])
  expect(signedIn.headers.get('set-cookie')).toMatch(
    /^countersign_queues=v1%3A[\w-]+; Path=\/queues; Max-Age=3600; HttpOnly; SameSite=Strict$/,
  )
  const cookie = cookieOf(signedIn)
  expect(cookie).not.toContain(server.token)

  const page = await ask('/queues', asking(cookie))
  const html = await page.text()
  expect(page.status).toBe(200)
  expect(html).toContain('<base href="/queues/" />')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self';")
  expect(page.headers.get('x-frame-options')).toBe('DENY')
  // Nothing that the page loads from here is missing, or comes as what no browser runs.
  const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => `/queues/${path}`)
  expect(assets.length).toBeGreaterThan(4)
  for (const path of assets) {
    const asset = await ask(path, asking(cookie))
    await asset.body?.cancel()
    expect([path, asset.status]).toEqual([path, 200])
    if (path.endsWith('.js')) expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  }
  for (const path of ['/queues/static/', '/queues/static/..%2f..%2fpackage.json', '/queues/static/js/none.js']) {
    expect((await ask(path, asking(cookie))).status).toBe(404)
  }
  expect((await ask('/queues/api/queues', asking(cookie))).status).toBe(200)
  // Pages within the board can be loaded anew.
  expect((await ask('/queues/queue/tests', asking(cookie))).status).toBe(200)

  // What a proxy in front of the server asks a browser for is sent to the server too.
  const behindProxy = { cookie, authorization: `Basic ${btoa('somebody:a word')}` }
  expect((await ask('/queues/api/queues', { headers: behindProxy })).status).toBe(200)

  for (const foreign of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://elsewhere.example' }]) {
    const stays = await ask('/queues/sign-out', { headers: { cookie, ...foreign } })
    expect([stays.status, stays.headers.get('set-cookie')]).toEqual([403, null])
  }
  const gone = await ask('/queues/sign-out', asking(cookie))
  expect(gone.headers.get('set-cookie')).toMatch(/^countersign_queues=; Path=\/queues; Max-Age=0; /)
  const behindTls = await ask('/queues/sign-in', {
    method: 'POST',
    headers: { origin: server.url, 'x-forwarded-proto': 'https' },
    body: new URLSearchParams({ token: server.token }),
  })
  expect(behindTls.headers.get('set-cookie')).toMatch(/; Secure$/)
})

it('nobody else is shown anything, and no other site can sign a browser in', async () => {
  for (const path of ['/queues/api/queues', '/queues/static/favicon.ico', '/queues/queue/tests']) {
    expect((await ask(path)).status).toBe(401)
    expect((await ask(path, asking('countersign_queues=v1%3Aforged'))).status).toBe(401)
    expect((await ask(path, asking('countersign_queues=%'))).status).toBe(401)
  }
  const reviewer = await actorWithToken(server, { role: 'REVIEWER' })
  for (const [token, status] of [
    ['', 401],
    ['nobody', 401],
    [reviewer.token, 403],
  ] as const) {
    const refused = await signIn(token)
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([status, null])
  }
  expect((await ask('/queues', { headers: { authorization: `Bearer ${reviewer.token}` } })).status).toBe(403)
  expect((await ask('/queues', { headers: { authorization: `Bearer ${server.token}` } })).status).toBe(200)

  const elsewhere = await signIn(server.token, 'https://elsewhere.example')
  expect([elsewhere.status, elsewhere.headers.get('set-cookie')]).toEqual([403, null])
  const cookie = cookieOf(await signIn(server.token))
  const paused = await ask('/queues/api/queues/tests/pause', { method: 'PUT', ...asking(cookie) })
  expect([paused.status, paused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

it('a session ends with its token, with the role of its actor, and after an hour', async () => {
  const { services } = server.context
  const status = async (cookie: string) => (await ask('/queues/api/queues', asking(cookie))).status
  const browser = async () => {
    const { id, token } = await actorWithToken(server, { role: 'ADMIN' })
    const tokenId = (await authenticate(services, token))?.tokenId ?? ''
    const cookie = cookieOf(await signIn(token))
    expect(await status(cookie)).toBe(200)
    return { id, tokenId, cookie }
  }
  const revoked = await browser()
  await made(server, 'revokeApiToken', { id: globalId('ApiToken', revoked.tokenId) })
  expect(await status(revoked.cookie)).toBe(401)

  const demoted = await browser()
  await made(server, 'updateActor', { id: demoted.id, role: 'REVIEWER' })
  expect(await status(demoted.cookie)).toBe(403)

  const { tokenId, cookie } = await browser()
  const sealed = decodeURIComponent(cookie.split('=')[1] ?? '')
  const context = 'a session of the queue board'
  const { until } = JSON.parse(services.secrets.open(sealed, context))
  expect(until - Date.now()).toBeLessThanOrEqual(3_600_000)
  const over = services.secrets.seal(JSON.stringify({ tokenId, until: Date.now() - 1 }), context)
  expect(await status(`countersign_queues=${encodeURIComponent(over)}`)).toBe(401)
})
