import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createUnconfinedSandbox } from '../../src/adapters/sandbox/none.ts'
import { runTests } from '../../src/domain/testing/run-tests.ts'
import { healthComponents } from '../../src/health/components.ts'
import { createHealth } from '../../src/health/health.ts'
import { startHeartbeat } from '../../src/workers/heartbeat.ts'
import { commit, diffState, proposed, review } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { endedTestRun, latestTestRun, testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const note = addsFile('note.txt', ['A note.'])

const health = async (server: TestServer) => {
  const { health: found } = await server.query('{ health { status components { name status detail } } }')
  const sandbox = found.components.find(({ name }: { name: string }) => name === 'sandbox')
  return { status: found.status, sandbox }
}

describe('a sandbox that this machine does not have', () => {
  let server: TestServer
  let worker: AsyncDisposable
  beforeAll(async () => {
    server = await startTestServer({
      env: { SANDBOX: 'docker', DOCKER_HOST: 'unix:///nowhere/docker.sock' },
      pools: { maintenance: 1 },
    })
    // It takes no jobs of that pool, so that the test runs them when it wants to, but says that it would.
    const heart = { api: true, pools: { tests: 1 }, running: new Map(), version: 'a version' }
    worker = await startHeartbeat({ ...server.context.services, processName: 'a worker' }, heart)
  })
  afterAll(async () => {
    await worker[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  /** A process beside this one that was told to run tests without isolation. */
  const unconfined = () => ({
    ...server.context.services,
    sandbox: createUnconfinedSandbox({
      searchPath: server.config.searchPath,
      scratch: join(server.config.dataDir, 'workspaces'),
    }),
  })

  it('makes every result ERRORED with the reason, never a verdict on the code, and the health failed', async () => {
    const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
    await testCase(server, projectId, { command: ['true'] })
    const diff = await proposed(server, projectId, { content: note })
    await runTests(
      server.context.services,
      rowId((await latestTestRun(server, diff.id)).id),
      new AbortController().signal,
    )
    const run = await endedTestRun(server, diff.id)
    expect(run).toMatchObject({ status: 'ERRORED', sandbox: 'docker', passed: 0, failed: 1 })
    expect(run.results).toMatchObject([
      { status: 'ERRORED', exitCode: null, error: expect.stringContaining('no Docker engine') },
    ])
    expect(run.results[0]?.error).toContain('apt-get install -y docker.io')
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await commit(server, diff.id)).missing).toEqual(['a passing test run (the latest is ERRORED)'])
    expect(await health(server)).toMatchObject({
      status: 'failed',
      sandbox: { status: 'failed', detail: expect.stringContaining('no Docker engine') },
    })
    // An API that leaves tests to others can do all that is its own; one that runs them cannot.
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    const parts = { ...server.context, dataDir: server.config.dataDir, pools: { tests: 1 } }
    const own = await createHealth(healthComponents(parts)).look()
    expect(own.find(({ name }) => name === 'sandbox')).toMatchObject({ ok: false, isNeeded: true })
  })

  it('makes testDiff say what to install, and store nothing', async () => {
    const projectId = await readyProject(server)
    const diff = await proposed(server, projectId, { content: note })
    await testCase(server, projectId, { command: ['true'] })
    const { testDiff } = await server.query(
      `mutation ($diffId: ID!) { testDiff(diffId: $diffId) { __typename ... on DomainError { code message } } }`,
      { diffId: diff.id },
    )
    expect(testDiff).toEqual({
      __typename: 'SandboxUnavailableError',
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringContaining('apt-get install -y docker.io'),
    })
    expect(await latestTestRun(server, diff.id)).toBeNull()
  })

  it('still has Python checked, without running any of it', async () => {
    const projectId = await readyProject(server)
    expect((await proposed(server, projectId, { content: addsFile('a.py', ['x = 1']) })).id).toBeTruthy()
    await expect(proposed(server, projectId, { content: addsFile('b.py', ['def']) })).rejects.toThrow(
      'SyntaxRejectedError',
    )
  })

  it('does not keep a diff from waiting for tests that another process runs: once they pass, it is APPROVED', async () => {
    const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
    await testCase(server, projectId, { command: ['true'] })
    const diff = await proposed(server, projectId, { content: note })
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await commit(server, diff.id)).missing).toEqual(['a passing test run (the latest is QUEUED)'])
    await runTests(unconfined(), rowId((await latestTestRun(server, diff.id)).id), new AbortController().signal)
    expect((await diffState(server, diff.id)).status).toBe('APPROVED')
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('is not named by a run that another process made without isolation', async () => {
    const projectId = await readyProject(server)
    await testCase(server, projectId, { command: ['true'] })
    const diff = await proposed(server, projectId, { content: note })
    const queued = await latestTestRun(server, diff.id)
    expect(queued).toMatchObject({ status: 'QUEUED', results: [] })
    await runTests(unconfined(), rowId(queued.id), new AbortController().signal)
    expect(await latestTestRun(server, diff.id)).toMatchObject({ status: 'PASSED', sandbox: 'none' })
  })
})

it('without isolation, asked for by name, every run says none, and so does the health', async () => {
  await using server = await startTestServer({ env: { SANDBOX: 'none' } })
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: ['sh', '-c', 'echo passed; exit 3'] })
  const diff = await proposed(server, projectId, { content: note })
  expect(await endedTestRun(server, diff.id)).toMatchObject({
    status: 'FAILED',
    sandbox: 'none',
    results: [{ exitCode: 3 }],
  })
  expect((await health(server)).sandbox.detail).toContain('no isolation')
})
