import { expect, it } from 'vitest'
import { startTestServer } from '../support/server.ts'
import { startFakeProvider } from './fake-provider.ts'
import { agent, ranAgent, recordedCalls } from './support.ts'

it('without isolation a test reaches its gateway on the loopback, under a path that is gone when it has ended', async () => {
  await using provider = await startFakeProvider()
  await using server = await startTestServer({ env: { ...provider.env, SANDBOX: 'none' }, rehearsal: false })
  const metered = await agent(server, 'from ask import *\nprint(os.environ["ANTHROPIC_BASE_URL"], openai()[0])')
  const result = await ranAgent(server, metered)
  expect(result).toMatchObject({ status: 'PASSED', usage: { calls: 1 } })
  const [, origin = ''] = /^(http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}) 200$/m.exec(result.stdout) ?? []
  expect(origin).not.toBe('')
  await expect(fetch(`${origin}/v1/responses`, { method: 'POST', body: '{}' })).rejects.toThrow()
  expect(await recordedCalls(server, metered.projectId)).toMatchObject([{ status: 'ANSWERED' }])
})
