import { addsFile, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { endedRun, testCase, testDiff } from '../factories/testing.ts'
import type { TestServer } from '../support/server.ts'

export interface MeteredResult {
  readonly name: string
  readonly status: string
  readonly stdout: string
  readonly stderr: string
  readonly error: string | null
  readonly traceId: string | null
  readonly usage: {
    readonly calls: number
    readonly inputTokens: number
    readonly outputTokens: number
    readonly costUsd: number
    readonly byAgent: readonly {
      readonly agent: string
      readonly provider: string
      readonly model: string
      readonly rehearsal: boolean
    }[]
  } | null
}

const resultFields = `name status stdout stderr error traceId
  usage { calls inputTokens outputTokens costUsd byAgent { agent provider model rehearsal } }`

/** A test run's results with what they used of models. */
export const meteredResults = async (
  server: Pick<TestServer, 'query'>,
  testRunId: string,
): Promise<readonly MeteredResult[]> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on TestRun { results { ${resultFields} } } } }`,
    {
      id: testRunId,
    },
  )
  return node.results
}

/** A test that may call models, of a project with a diff. */
export interface Agent {
  readonly projectId: string
  readonly diffId: string
  readonly testCaseId: string
}

/** A project whose one test is a Python program that may call models. */
export const agent = async (
  server: TestServer,
  program: string,
  options: { budget?: object; allowModels?: boolean; timeoutMs?: number } = {},
): Promise<Agent> => {
  const { budget, allowModels = true, timeoutMs = 20_000 } = options
  const projectId = await readyProject(server, { ...(budget && { budget }) })
  const diff = await proposedDiff(server, projectId, addsFile('note.txt', ['A note.']))
  const { id, message } = await testCase(server, projectId, {
    command: ['python3', 'program.py'],
    files: [
      { path: 'program.py', text: program },
      { path: 'ask.py', text: askInPython },
    ],
    allowModels,
    timeoutMs,
  })
  if (message !== undefined) throw new Error(message)
  return { projectId, diffId: diff.id, testCaseId: id }
}

/** Runs it. @returns its result once it has ended */
export const ranAgent = async (server: TestServer, { diffId, testCaseId }: Agent): Promise<MeteredResult> => {
  const run = await testDiff(server, diffId, { testCaseIds: [testCaseId] })
  await endedRun(server, run.id)
  const [result] = await meteredResults(server, run.id)
  if (!result) throw new Error('The test has no result.')
  return result
}

export interface RecordedCall {
  readonly status: string
  readonly sequence: number
  readonly provider: string
  readonly model: string
  readonly reservedTokens: number
  readonly traceId: string
  readonly agent: string
  readonly requestedById: string
}

/** What rows can be read from. */
interface Stored {
  readonly context: { readonly services: Pick<TestServer['context']['services'], 'em'> }
}

/** What was recorded of a project's calls, in their order. */
export const recordedCalls = async (server: Stored, projectId: string): Promise<readonly RecordedCall[]> => {
  const em = server.context.services.em()
  return em.execute(
    `select status, sequence, provider, model, reserved_tokens::int as "reservedTokens", trace_id as "traceId", agent,
      requested_by_id as "requestedById" from model_call where project_id = ? order by sequence`,
    [rowId(projectId)],
  )
}

export const budgetOf = async (server: TestServer, projectId: string) => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Project { budget { spentTokens reservedTokens spentCostUsd reservedCostUsd } } } }',
    { id: projectId },
  )
  return node.budget
}

/** Asks a model over HTTP with the standard library, and gives status and answer. */
export const askInPython = `
import json, os, urllib.error, urllib.request

def post(url, body, headers={}):
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            return response.status, dict(response.headers), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()

def openai(**more):
    body = {"model": os.environ["OPENAI_MODEL"], "input": [{"role": "user", "content": "Hello."}], "max_output_tokens": 100, **more}
    return post(os.environ["OPENAI_BASE_URL"] + "/responses", body, {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})

def anthropic(**more):
    body = {"model": os.environ["ANTHROPIC_MODEL"], "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 100, **more}
    return post(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", body, {"x-api-key": os.environ["ANTHROPIC_API_KEY"]})
`
