import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { review } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject } from '../factories/pipeline.ts'
import { main } from '../support/command.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { type Agent, connectAgent, untilWaiting } from './client.ts'

let stack: AsyncDisposableStack
let server: TestServer
/** The same server again, after its end: same rows, same files, same address. */
let startAgain: () => Promise<TestServer>
let token: string

beforeAll(async () => {
  await using opened = new AsyncDisposableStack()
  const { url: databaseUrl } = opened.use(await createTestDatabase())
  const { path: dataDir } = opened.use(await temporaryDirectory())
  const stores = { databaseUrl, dataDir, pools: { maintenance: 1 } }
  server = await startTestServer(stores)
  const { port } = new URL(server.url)
  startAgain = () => startTestServer({ ...stores, env: { PORT: port } })
  const owner = await actorWithToken(server, { name: 'Olive', role: 'ADMIN' })
  token = (await actorWithToken(server, { name: 'bot', kind: 'AGENT', ownerId: owner.id, role: 'AUTHOR' })).token
  stack = opened.move()
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await stack?.disposeAsync()
})

const environment = (given: Readonly<Record<string, string>>) => ({
  PATH: process.env.PATH ?? '',
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
  ...given,
})

const agentOverStdio = (options: { readonly legacy?: boolean } = {}): Promise<Agent> =>
  connectAgent(
    new StdioClientTransport({
      command: process.execPath,
      args: [main(), 'mcp', '--url', server.url],
      env: environment({ COUNTERSIGN_TOKEN: token }),
      stderr: 'ignore',
    }),
    options,
  )

/** Runs the command to its end, with nothing on stdin. */
const runToEnd = async (env: Readonly<Record<string, string>>) => {
  const args = [main(), 'mcp', '--url', server.url]
  const child = spawn(process.execPath, args, { env: environment(env), stdio: 'pipe' })
  child.stdin.end()
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { exitCode, stdout, stderr }
}

it('a proposal is waited for over restarts of the server and of the agent’s own side', async () => {
  const projectId = await readyProject(server)
  let agent = await agentOverStdio()
  const proposed = await agent.call('propose_patch', {
    projectId,
    patch: addsFile('a.txt', ['a']),
    commitMessage: 'Add a file',
  })
  const diffId = proposed.value.id

  // The server ends while it is asked: who waits gets an answer, and calls again.
  const cutShort = agent.call('wait_for_decision', { diffId })
  await untilWaiting(server, 1)
  await server[Symbol.asyncDispose]()
  expect((await cutShort).value).toMatchObject({ decided: false, diff: { id: diffId } })

  // Nobody listens yet: the call waits for the server.
  const again = agent.call('wait_for_decision', { diffId })
  server = await startAgain()
  await untilWaiting(server, 1)
  await agent[Symbol.asyncDispose]()
  await expect(again).rejects.toThrow()
  await untilWaiting(server, 0)

  agent = await agentOverStdio({ legacy: true })
  await using _ = agent
  expect((await agent.client.listTools()).tools).toHaveLength(12)
  // A call that is taken back ends on the server too.
  const stop = new AbortController()
  const takenBack = agent.call('wait_for_decision', { diffId }, stop.signal)
  await untilWaiting(server, 1)
  stop.abort()
  await expect(takenBack).rejects.toThrow()
  await untilWaiting(server, 0)

  const decision = agent.call('wait_for_decision', { diffId })
  await untilWaiting(server, 1)
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Diff { id contentHash baseCommit safety { evaluationHash } } } }',
    { id: diffId },
  )
  await review(server, node)
  expect((await decision).value).toMatchObject({ decided: true, diff: { status: 'APPROVED' } })
  expect(await agent.call('commit_diff', { diffId })).toMatchObject({ isError: true, value: { code: 'FORBIDDEN' } })
}, 120_000)

it('the command says what it lacks, and ends when its host has gone', async () => {
  const [without, ended] = await Promise.all([runToEnd({}), runToEnd({ COUNTERSIGN_TOKEN: token })])
  expect(without).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('--token-file') })
  expect(ended).toEqual({ exitCode: 0, stdout: '', stderr: '' })
})
