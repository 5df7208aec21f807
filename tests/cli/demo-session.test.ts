import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoEvent } from '../../src/cli/demo/demo-event.ts'
import { runDemo } from '../../src/cli/demo/run-demo.ts'
import { createOutput } from '../../src/cli/output.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

/** Runs the demo of a session as a script would, and gives back what it printed. */
const play = async (yes: boolean) => {
  let written = ''
  const stdout = { write: (text: string) => (written += text) }
  const outcome = await runDemo({
    server: { url: server.url, adminToken: server.token, rehearsal: ['OPENAI'], notices: [] },
    dataDir: server.config.dataDir,
    searchPath: server.config.searchPath,
    scenario: 'session',
    yes,
    output: createOutput({ json: true, quiet: false, stdout, stderr: { write: () => true }, stdin: {} }),
    signal: new AbortController().signal,
  })
  return {
    outcome,
    events: written
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DemoEvent),
  }
}
const ofType = <Type extends DemoEvent['type']>(events: readonly DemoEvent[], type: Type) =>
  events.filter((event): event is Extract<DemoEvent, { type: Type }> => event.type === type)

test('the session ends in a commit: a patch that does not apply, a rejection, an approval, a countersignature', async () => {
  const { outcome, events } = await play(true)
  expect(outcome).toBe('committed')
  const messages = ofType(events, 'message')
  expect(messages.map(({ role, iteration }) => `${role} ${iteration}`)).toEqual([
    'USER 0',
    'CODER 1',
    'EVALUATOR 1',
    'CODER 2',
    'EVALUATOR 2',
  ])
  const submitted = messages.flatMap(({ toolCalls }) => toolCalls).filter(({ name }) => name === 'submit_patch')
  expect(submitted.map(({ isError }) => isError)).toEqual([true, false, false])
  expect(submitted[0]?.result).toMatch(/does not apply/)
  expect(ofType(events, 'diff').map(({ status }) => status)).toEqual(
    expect.arrayContaining(['EVALUATOR_REJECTED', 'SUPERSEDED', 'EVALUATOR_APPROVED', 'COMMITTED']),
  )
  const [result] = ofType(events, 'session-result')
  expect(result?.diff).toMatchObject({
    status: 'EVALUATOR_APPROVED',
    commitMessage: expect.stringMatching(/^Fix the calculator's wrong results\n/),
    latestTestRun: { status: 'PASSED', total: 3 },
    files: [{ isTest: false }, { isTest: false }, { isTest: false }],
  })
  const last = events.at(-1)
  expect(last).toMatchObject({
    type: 'committed',
    oid: expect.stringMatching(/^[0-9a-f]{40}$/),
    diffId: result?.diffId,
  })
})

test('without a countersignature it stops before the commit and says what waits', async () => {
  const { outcome, events } = await play(false)
  expect(outcome).toBe('approval-required')
  expect(events.at(-1)).toMatchObject({ type: 'approval-required', diffId: expect.any(String) })
  expect(ofType(events, 'committed')).toEqual([])
})
