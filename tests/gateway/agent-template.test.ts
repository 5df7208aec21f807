import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addsFile, proposedDiff, readyProject } from '../factories/pipeline.ts'
import { endedRun, testDiff } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { meteredResults } from './support.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer()
  projectId = await readyProject(server, { source: { template: 'agent-python' } })
})
afterAll(() => server[Symbol.asyncDispose]())

const testCases = async (): Promise<{ id: string; name: string; quick: boolean; allowModels: boolean }[]> => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Project { testCases { nodes { id name quick allowModels } } } } }',
    { id: projectId },
  )
  return node.testCases.nodes.toSorted((a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1))
}

describe('the template agent-python', () => {
  it('has a test that may call models, which is not among those that are run by default', async () => {
    expect(await testCases()).toMatchObject([
      { name: 'unit tests', quick: true, allowModels: false },
      { name: 'with models', quick: false, allowModels: true },
    ])
  })

  it('passes with both providers played by the rehearsal, and its result says what it used', async () => {
    const diff = await proposedDiff(server, projectId, addsFile('NOTES.md', ['A note.']))
    const ids = (await testCases()).map(({ id }) => id)
    const run = await testDiff(server, diff.id, { testCaseIds: ids })
    const ended = await endedRun(server, run.id)
    expect(ended.results.map(({ status, stderr, error }) => ({ status, stderr, error }))).toMatchObject([
      { status: 'PASSED', error: null },
      { status: 'PASSED', error: null },
    ])
    const [unit, metered] = await meteredResults(server, run.id)
    expect(unit).toMatchObject({ usage: null, traceId: null })
    expect(metered?.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(metered?.usage).toMatchObject({
      calls: 6,
      costUsd: 0,
      byAgent: [
        { agent: 'test', provider: 'ANTHROPIC', model: 'rehearsal-anthropic', rehearsal: true },
        { agent: 'test', provider: 'OPENAI', model: 'rehearsal-openai', rehearsal: true },
      ],
    })
    expect(metered?.usage?.inputTokens).toBeGreaterThan(100)
    expect(metered?.usage?.outputTokens).toBeGreaterThan(6)
  })

  it('shows in its safety report that it reaches the network', async () => {
    const models = readFileSync(new URL('../../templates/agent-python/triage/models.py', import.meta.url), 'utf8')
    const diff = await proposedDiff(server, projectId, addsFile('triage/copied.py', models.trimEnd().split('\n')))
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { safety { addedCapabilities added { path symbol } } } } }',
      { id: diff.id },
    )
    expect(node.safety.addedCapabilities).toContain('NETWORK_REQUEST')
    expect(node.safety.added).toContainEqual({ path: 'triage/copied.py', symbol: 'urllib.request.urlopen' })
  })
})
