import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { actorWithToken, rowId } from '../factories/pipeline.ts'
import { cancelTestRun, endedRun, testCase, testDiff } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import {
  canary,
  events,
  type FakeProvider,
  hello,
  json,
  type ProviderRequest,
  responsesUsage,
  startFakeProvider,
} from './fake-provider.ts'
import { agent, budgetOf, ranAgent, recordedCalls } from './support.ts'

const skipReason = await reasonToSkip()

let provider: FakeProvider
let server: TestServer
beforeAll(async () => {
  provider = await startFakeProvider()
  const env = { ...provider.env, TEST_MODEL_CALLS: '3', EVALUATOR_MODEL: 'OPENAI:own-7b' }
  server = await startTestServer({ env, rehearsal: false })
})
beforeEach(() => provider.answer((_, response) => hello(response)))
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

const askBoth = `
from ask import *
status, _, answer = openai()
print(status, json.loads(answer)["output"][0]["content"][0]["text"])
status, _, answer = anthropic()
print(status, json.loads(answer)["content"][0]["text"])
`

const answerBoth = ({ path }: ProviderRequest, response: Parameters<typeof hello>[0]) => {
  if (path !== '/v1/messages') return hello(response)
  json(response, 200, { content: [{ type: 'text', text: 'Hi.' }], usage: { input_tokens: 30, output_tokens: 6 } })
}

describe.skipIf(skipReason !== null)(
  `a test that may call models${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  () => {
    it('reaches both providers, each call entered with its cost, and its result says what it used', async () => {
      provider.answer(answerBoth)
      const it = await agent(server, askBoth)
      const result = await ranAgent(server, it)
      expect(result).toMatchObject({ status: 'PASSED', stdout: '200 Hello.\n200 Hi.\n', error: null })
      const calls = await recordedCalls(server, it.projectId)
      expect(calls).toMatchObject([
        {
          status: 'ANSWERED',
          sequence: 0,
          provider: 'OPENAI',
          model: 'gpt-6-luna',
          agent: 'test',
          traceId: result.traceId,
        },
        {
          status: 'ANSWERED',
          sequence: 1,
          provider: 'ANTHROPIC',
          model: 'claude-haiku-5-5',
          agent: 'test',
          traceId: result.traceId,
        },
      ])
      expect(result.usage).toMatchObject({ calls: 2, inputTokens: 70, outputTokens: 11 })
      expect(result.usage?.costUsd).toBeGreaterThan(0)
      expect(await budgetOf(server, it.projectId)).toEqual(null)
      const event = await server.event('TokensUsed', (body) => body.agent === 'test' && body.provider === 'ANTHROPIC')
      expect(event.body).toMatchObject({ inputTokens: 30, outputTokens: 6, rehearsal: false })
    })

    it('is streamed to as the provider writes', async () => {
      const { promise: seen, resolve } = Promise.withResolvers<void>()
      provider.answer(async ({ body }, response) => {
        // The second call, which the test makes when it has read the beginning of the first one's answer.
        if (body.stream !== true) {
          resolve()
          return hello(response)
        }
        events(response, [{ type: 'response.output_text.delta', delta: 'first' }])
        await seen
        events(response, [{ type: 'response.completed', response: { usage: responsesUsage } }])
        response.end()
      })
      const it = await agent(
        server,
        `
from ask import *
body = {"model": os.environ["OPENAI_MODEL"], "input": [{"role": "user", "content": "Hello."}], "stream": True}
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/responses", data=json.dumps(body).encode(), headers={"content-type": "application/json"})
with urllib.request.urlopen(request) as response:
    print(response.readline().decode().strip())
    print(openai()[0])
    print(response.read().decode().strip())
`,
      )
      expect(await ranAgent(server, it)).toMatchObject({
        status: 'PASSED',
        stdout: expect.stringMatching(/"delta":"first"}\n200\n[\s\S]*response.completed/),
        usage: { calls: 2, outputTokens: 10 },
      })
    })

    it("never meets the server's key: not in its environment, its files, an answer, or its result", async () => {
      provider.answer(({ headers }, response) => json(response, 200, { headers, output: [], usage: responsesUsage }))
      const it = await agent(
        server,
        `
from ask import *
print(dict(os.environ))
print(openai())
for directory, _, names in os.walk("/proc"):
    for name in names:
        if name in ("environ", "cmdline"):
            try:
                print(open(os.path.join(directory, name), errors="replace").read())
            except OSError:
                pass
`,
      )
      const result = await ranAgent(server, it)
      expect(result.status).toBe('PASSED')
      expect(provider.requests().at(-1)?.headers.authorization).toBe(`Bearer ${canary}`)
      expect(result.stdout).toContain('[redacted]')
      expect(JSON.stringify(result)).not.toContain(canary)
      const stored = await server.context.services
        .em()
        .execute(
          `select body::text from event where body::text like ? union all select model_call::text from model_call where model_call::text like ?`,
          [`%${canary}%`, `%${canary}%`],
        )
      expect(stored).toEqual([])
    })

    it('reaches the gateway and no other place: not the server, not the host, not a name', async () => {
      const it = await agent(
        server,
        `
from ask import *
import socket
def reach(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
        return "reached"
    except OSError:
        return "not reached"
for host, port in [("127.0.0.1", ${new URL(server.url).port}), ("127.0.0.1", ${new URL(provider.origin).port}), ("10.0.0.1", 80), ("1.1.1.1", 443)]:
    print(reach(host, port))
try:
    socket.getaddrinfo("example.org", 443)
    print("resolved")
except OSError:
    print("not resolved")
print([name for name in os.listdir("/run")])
`,
      )
      expect(await ranAgent(server, it)).toMatchObject({
        status: 'PASSED',
        stdout: `${'not reached\n'.repeat(4)}not resolved\n['models']\n`,
      })
    })

    it("is told in the provider's own form that the project's budget has no room, and its result says so", async () => {
      const program = `
from ask import *
status, headers, answer = openai()
print(status, json.loads(answer)["error"]["code"])
status, headers, answer = anthropic()
print(status, json.loads(answer)["error"]["type"])
exit(1)
`
      const it = await agent(server, program, { budget: { maxTokens: 120 } })
      const before = provider.requests().length
      const result = await ranAgent(server, it)
      expect(result).toMatchObject({
        status: 'FAILED',
        stdout: '429 insufficient_quota\n402 billing_error\n',
        error: expect.stringMatching(
          /^Calls to models were refused: The next call may use \d+ tokens; of 120, 0 are spent or reserved/,
        ),
        usage: { calls: 0 },
      })
      expect(provider.requests()).toHaveLength(before)
      expect(await budgetOf(server, it.projectId)).toMatchObject({ spentTokens: 0, reservedTokens: 0 })
    })

    it('chooses among the models that the server is set to call or knows a price of, and its result says so', async () => {
      const it = await agent(
        server,
        `
from ask import *
status, _, answer = openai(model="gpt-6-pro")
print(status, json.loads(answer)["error"]["code"])
print(openai(model="gpt-6.1-terra")[0])
`,
      )
      const before = provider.requests().length
      expect(await ranAgent(server, it)).toMatchObject({
        status: 'PASSED',
        stdout: '404 model_not_found\n200\n',
        error: expect.stringMatching(
          /^Calls to models were refused: The model gpt-6-pro is not offered to tests. Those that are: gpt-6-luna, /,
        ),
        usage: { calls: 1, byAgent: [{ model: 'gpt-6.1-terra' }] },
      })
      expect(provider.requests()).toHaveLength(before + 1)
    })

    it('is refused a model that the server is set to call and that has no price, by its name, and nothing is sent', async () => {
      const it = await agent(server, 'from ask import *\nprint(openai(model="own-7b")[0])')
      const before = provider.requests().length
      expect(await ranAgent(server, it)).toMatchObject({
        status: 'PASSED',
        stdout: '429\n',
        error: expect.stringMatching(/for 1 USD, and the price of own-7b is not known: .* MODEL_PRICES names/),
        usage: { calls: 0 },
      })
      expect(provider.requests()).toHaveLength(before)
    })

    it('is refused the call after the last one that it may make', async () => {
      const it = await agent(server, 'from ask import *\nprint([openai()[0] for _ in range(5)])')
      expect(await ranAgent(server, it)).toMatchObject({
        status: 'PASSED',
        stdout: '[200, 200, 200, 429, 429]\n',
        error: 'Calls to models were refused: A test may make 3 calls to models, and this one has made them.',
        usage: { calls: 3 },
      })
    })

    it('that is canceled ends its call with the provider, which is settled as spent', async () => {
      const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
      provider.answer((request) => resolve(request))
      const it = await agent(server, 'from ask import *\nopenai()', { budget: { maxTokens: 100_000 } })
      const run = await testDiff(server, it.diffId, { testCaseIds: [it.testCaseId] })
      const { closed } = await come
      const [sent] = await recordedCalls(server, it.projectId)
      expect(sent?.status).toBe('SENT')
      expect(await budgetOf(server, it.projectId)).toMatchObject({
        spentTokens: 0,
        reservedTokens: sent?.reservedTokens,
      })
      const canceled = performance.now()
      expect(await cancelTestRun(server, run.id)).toMatchObject({ status: 'CANCELED' })
      await closed
      expect(performance.now() - canceled).toBeLessThan(2_000)
      expect(await recordedCalls(server, it.projectId)).toMatchObject([{ status: 'LOST' }])
      expect(await budgetOf(server, it.projectId)).toMatchObject({
        spentTokens: sent?.reservedTokens,
        reservedTokens: 0,
      })
    })

    it('that ends while a call is under way ends it too, and it is settled as spent', async () => {
      const { promise: come, resolve } = Promise.withResolvers<ProviderRequest>()
      provider.answer((request) => resolve(request))
      const program = `
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "from ask import *; openai()"], start_new_session=True)
time.sleep(2)
`
      const it = await agent(server, program)
      const running = ranAgent(server, it)
      const { closed } = await come
      expect(await running).toMatchObject({ status: 'PASSED', usage: { calls: 0 } })
      await closed
      expect(await recordedCalls(server, it.projectId)).toMatchObject([{ status: 'LOST' }])
    })

    it('is run again each time, whatever is known of the same content', async () => {
      const it = await agent(server, 'from ask import *\nopenai()')
      await ranAgent(server, it)
      await ranAgent(server, it)
      expect(await recordedCalls(server, it.projectId)).toHaveLength(2)
    })

    it('may ask at the same time as another, each with its own usage', async () => {
      const program = 'from ask import *\nprint([openai()[0] for _ in range(2)])'
      const [one, other] = await Promise.all([agent(server, program), agent(server, program)])
      const results = await Promise.all([ranAgent(server, one), ranAgent(server, other)])
      for (const result of results) expect(result).toMatchObject({ stdout: '[200, 200]\n', usage: { calls: 2 } })
      expect(results[0]?.traceId).not.toBe(results[1]?.traceId)
    })

    it('cannot break its way to the models so that others suffer: the door ends with the test', async () => {
      const it = await agent(
        server,
        `
from ask import *
import signal, socket
held = [socket.create_connection(("127.0.0.1", int(os.environ["ANTHROPIC_BASE_URL"].rsplit(":", 1)[1]))) for _ in range(100)]
for one in held:
    one.close()
print(openai()[0])
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) not in (1, os.getpid()):
        for what in ("mem", "fd/0"):
            try:
                open(f"/proc/{name}/{what}", "rb").read(1)
                print("read", what)
            except OSError:
                pass
        try:
            os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass
try:
    openai()
except OSError:
    print("gone")
`,
      )
      expect(await ranAgent(server, it)).toMatchObject({ status: 'PASSED', stdout: '200\ngone\n' })
      const after = await agent(server, 'from ask import *\nprint(openai()[0])')
      expect(await ranAgent(server, after)).toMatchObject({ stdout: '200\n' })
    })
  },
)

describe.skipIf(skipReason !== null)('a test that may not call models', () => {
  it('has none of the variables, no socket, and no way out', async () => {
    const it = await agent(
      server,
      `
import os, socket
print(sorted(name for name in os.environ if "OPENAI" in name or "ANTHROPIC" in name), os.listdir("/run"))
print(socket.socket().connect_ex(("127.0.0.1", 8430)) != 0)
`,
      { allowModels: false },
    )
    expect(await ranAgent(server, it)).toMatchObject({
      status: 'PASSED',
      stdout: '[] []\nTrue\n',
      usage: null,
      traceId: null,
      error: null,
    })
  })

  it('becomes one that may by updateTestCase, and is another test then: what is known of it does not count', async () => {
    const it = await agent(server, 'import os\nprint("OPENAI_BASE_URL" in os.environ)', { allowModels: false })
    expect((await ranAgent(server, it)).stdout).toBe('False\n')
    const { updateTestCase } = await server.query(
      `mutation ($input: UpdateTestCaseInput!) {
        updateTestCase(input: $input) { ... on TestCase { allowModels command } ... on DomainError { message } }
      }`,
      { input: { id: it.testCaseId, allowModels: true } },
    )
    expect(updateTestCase).toEqual({ allowModels: true, command: ['python3', 'program.py'] })
    expect((await ranAgent(server, it)).stdout).toBe('True\n')
  })
})

describe('allowModels', () => {
  it("is an AUTHOR's to set, as a sprint is an AUTHOR's to start, and spends in the name of who runs the test", async () => {
    const it = await agent(server, 'from ask import *\nopenai()')
    const author = await actorWithToken(server, { role: 'AUTHOR' }, 'AUTHOR')
    const viewer = await actorWithToken(server, { role: 'VIEWER' }, 'VIEWER')
    const create = async (token: string) =>
      (
        await server.query(
          `mutation ($input: CreateTestCaseInput!) {
            createTestCase(input: $input) { __typename ... on TestCase { allowModels } ... on ForbiddenError { requiredRole } }
          }`,
          { input: { projectId: it.projectId, name: 'mine', command: ['true'], allowModels: true } },
          token,
        )
      ).createTestCase
    expect(await create(author.token)).toEqual({ __typename: 'TestCase', allowModels: true })
    expect(await create(viewer.token)).toEqual({ __typename: 'ForbiddenError', requiredRole: 'AUTHOR' })
    const run = await testDiff(server, it.diffId, { testCaseIds: [it.testCaseId], token: author.token })
    await endedRun(server, run.id)
    expect(await recordedCalls(server, it.projectId)).toMatchObject([{ requestedById: rowId(author.id) }])
  })

  it('is off unless it is asked for', async () => {
    const { projectId } = await agent(server, '')
    const { id } = await testCase(server, projectId, { command: ['true'] })
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on TestCase { allowModels } } }', {
      id,
    })
    expect(node.allowModels).toBe(false)
  })
})
