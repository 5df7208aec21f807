import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
})
afterAll(() => server[Symbol.asyncDispose]())

const audits = serverAudits({
  url: () => `${server.url}/graphql`,
  fetchFn: (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.token}` } }),
})

it('the package has 60 audits and more', () => {
  expect(audits.length).toBeGreaterThanOrEqual(60)
})

it.each(audits)('$id: $name', async ({ fn }) => {
  const result = await fn()
  expect('reason' in result ? result.reason : result.status).toBe('ok')
})
