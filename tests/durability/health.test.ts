import { expect, it } from 'vitest'
import { checkHealth } from '../../src/health.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer } from '../support/server.ts'

const ready = async (url: string) => {
  const response = await fetch(`${url}/readyz`)
  const { status, components } = (await response.json()) as {
    status: string
    components: { name: string; ok: boolean }[]
  }
  return { http: response.status, status, failed: components.filter(({ ok }) => !ok).map(({ name }) => name) }
}

it('when the database goes away the server stays up and says what is wrong, to everybody without details', async () => {
  const database = await createTestDatabase()
  await using server = await startTestServer({ databaseUrl: database.url })
  expect(await ready(server.url)).toEqual({ http: 200, status: 'ok', failed: [] })
  await database.drop()
  expect(await ready(server.url)).toEqual({ http: 503, status: 'failed', failed: ['database', 'queue'] })
  const [first] = await checkHealth(server.context, {})
  expect(first).toMatchObject({ name: 'database', ok: false, detail: expect.stringContaining('does not exist') })
  const alive = await fetch(`${server.url}/healthz`)
  expect(alive.status).toBe(200)
  const { status } = await server.request('{ projects { nodes { id } } }')
  expect(status).toBe(500)
})
