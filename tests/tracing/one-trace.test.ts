import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { DemoEvent } from '../../src/cli/demo/demo-event.ts'
import { runDemo } from '../../src/cli/demo/run-demo.ts'
import { createOutput } from '../../src/cli/output.ts'
import { made } from '../factories/api.ts'
import { commit, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { readSession } from '../factories/sessions.ts'
import { agentAt } from '../mcp/client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type ReceivedSpan, type Receiver, startReceiver } from './receiver.ts'

let receiver: Receiver
let server: TestServer
let committed: Extract<DemoEvent, { type: 'committed' }> | undefined
let calls: readonly Record<string, unknown>[] = []
/** The trace of the sprint, as its diff has it. */
let sprintTrace = ''
let messages: { role: string; traceId: string | null; text: string }[] = []

/** A sprint that waits for a person to approve its plan, and whose diff they approve and commit. */
const countersignSprint = async () => {
  const projectId = await readyProject(server)
  const sprintId = await startedSprint(server, await validatedSpec(server, projectId), { requirePlanApproval: true })
  await server.event(
    'SprintChanged',
    (body) => body.sprintId === rowId(sprintId) && body.status === 'AWAITING_PLAN_APPROVAL',
  )
  // Otherwise whoever has led it there may be asked to go on, before it lets go, and does so in the sprint's own name.
  const held = `select resource from lease where until > now() and resource like '%${rowId(sprintId)}'`
  await vi.waitUntil(async () => (await sqlOf(server, held)).length === 0, 20_000)
  await made(server, 'approvePlan', { sprintId })
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Sprint {
      diff { id contentHash baseCommit safety { evaluationHash } }
    } } }`,
    { id: sprintId },
  )
  const diff: ShownDiff = node.diff
  await review(server, diff)
  expect(await commit(server, diff.id)).toMatchObject({ __typename: 'Diff', status: 'COMMITTED' })
  const [row] = await sqlOf(server, `select trace from diff where id = '${rowId(diff.id)}'`)
  sprintTrace = String(row?.trace).slice(3, 35)
}

/** The whole demo of a session: words, a patch that does not apply, tests, verdicts, a countersignature, the commit. */
const playSession = async () => {
  const events: DemoEvent[] = []
  await runDemo({
    server: { url: server.url, adminToken: server.token, rehearsal: ['OPENAI'], notices: [] },
    dataDir: server.config.dataDir,
    searchPath: server.config.searchPath,
    scenario: 'session',
    yes: true,
    output: createOutput({
      json: true,
      quiet: false,
      stdout: { write: (line: string) => events.push(JSON.parse(line)) },
      stderr: { write: () => true },
      stdin: {},
    }),
    signal: new AbortController().signal,
  })
  committed = events.find((event) => event.type === 'committed')
  if (!committed) throw new Error(JSON.stringify(events.at(-1)))
}

const askOverMcp = async () => {
  await using agent = await agentAt(server.url, server.token)
  await agent.call('list_projects')
}

beforeAll(async () => {
  receiver = await startReceiver()
  server = await startTestServer({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } })
  await Promise.all([playSession(), countersignSprint(), askOverMcp()])
  const [session] = await sqlOf(server, 'select id::text from session')
  const sessionId = Buffer.from(`Session:${session?.id}`).toString('base64')
  messages = (await readSession(server, sessionId)).messages.nodes
  calls = await sqlOf(
    server,
    'select id::text, trace_id, agent, lower(provider) as provider, model, input_tokens, output_tokens, cost_usd from model_call',
  )
  // What is left is sent then.
  await server[Symbol.asyncDispose]()
}, 240_000)
afterAll(() => receiver[Symbol.asyncDispose]())

const named = (name: string, spans = receiver.spans): ReceivedSpan[] => spans.filter((span) => span.name === name)
const only = (name: string, spans?: ReceivedSpan[]): ReceivedSpan => {
  const [span, ...others] = named(name, spans)
  if (span === undefined || others.length > 0) throw new Error(`${others.length + 1} spans are named ${name}`)
  return span
}
const parentOf = ({ parentId }: ReceivedSpan) => receiver.spans.find(({ spanId }) => spanId === parentId)
const lineage = (span: ReceivedSpan): string[] => {
  const parent = parentOf(span)
  return parent ? [...lineage(parent), span.name] : [span.name]
}
const ofTrace = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId)
const sessionSpans = () => ofTrace(only('mutation sendMessage').traceId)
const sprintSpans = () => ofTrace(sprintTrace)
const linesOf = (spans: ReceivedSpan[]) => new Set(spans.map((span) => lineage(span).join(' > ')))

/** The one part of a trace that has no parent; every other one's is there. */
const rootOf = (spans: ReceivedSpan[]): string => {
  expect(spans.filter((span) => span.parentId !== '' && !parentOf(span))).toEqual([])
  const roots = spans.filter(({ parentId }) => parentId === '')
  expect(roots).toHaveLength(1)
  return roots[0]?.name ?? ''
}

it('from what was said to the commit a session is one trace, in which every part has its place', () => {
  expect(rootOf(sessionSpans())).toBe('mutation sendMessage')
  const lines = linesOf(sessionSpans())
  const turn = 'mutation sendMessage > process run-session-turn'
  for (const line of [
    `${turn} > invoke_agent coder > chat rehearsal-openai`,
    `${turn} > invoke_agent coder > execute_tool read_file`,
    `${turn} > invoke_agent coder > execute_tool submit_patch`,
    `${turn} > process run-tests > sandbox run`,
    `${turn} > process run-tests > process run-session-turn > invoke_agent evaluator > chat rehearsal-openai`,
  ])
    expect(lines).toContain(line)
  const commits = named('git commit', sessionSpans())
  expect(commits.map(({ attributes }) => attributes['vcs.ref.head.revision'])).toContain(committed?.oid)
  expect(commits.map((span) => lineage(span).at(-2))).toContain('commit diff')
})

it('a sprint that waited for a person is one trace to its commit, whoever had it go on', () => {
  expect(rootOf(sprintSpans())).toBe('mutation startSprint')
  const lines = linesOf(sprintSpans())
  const first = 'mutation startSprint > process advance-sprint'
  expect([...lines]).toEqual(
    expect.arrayContaining([
      expect.stringMatching(`^${first} > process run-candidate > invoke_agent planner > chat `),
      expect.stringMatching('> process run-candidate > invoke_agent coder > execute_tool '),
      expect.stringMatching('> invoke_agent verifier > chat '),
      expect.stringMatching('> evaluate safety$'),
      expect.stringMatching('> commit diff > git commit$'),
    ]),
  )
  // The person's request is a trace of its own, whose job goes on in the sprint's.
  const asked = named('advance sprint', sprintSpans()).flatMap(({ links }) =>
    receiver.spans.filter(({ spanId }) => links.some((link) => link.spanId === spanId)),
  )
  expect(asked.map(lineage)).toContainEqual(['mutation approvePlan', 'process advance-sprint'])
})

it('review and commit are parts of it, and name the requests of those who asked for them, and these name them', () => {
  for (const spans of [sessionSpans(), sprintSpans()]) {
    for (const [part, asked] of [
      ['review diff', 'mutation reviewDiff'],
      ['commit diff', 'mutation commitDiff'],
    ] as const) {
      const step = only(part, spans)
      const request = receiver.spans.find(({ spanId }) => spanId === step.links[0]?.spanId)
      expect(request).toMatchObject({ name: asked, parentId: '' })
      expect(request?.links).toContainEqual({ traceId: step.traceId, spanId: step.spanId })
      expect(request?.traceId).not.toBe(step.traceId)
    }
  }
})

it('each call of a model is there with who was asked, what it used and cost, and why it stopped', () => {
  const chats = receiver.spans.filter(({ name }) => name.startsWith('chat '))
  expect(chats.map(({ attributes }) => attributes['countersign.call.id']).toSorted()).toEqual(
    calls.map(({ id }) => id).toSorted(),
  )
  for (const { kind, traceId, attributes } of chats) {
    const call = calls.find(({ id }) => id === attributes['countersign.call.id'])
    expect(call?.trace_id).toBe(traceId)
    expect(kind).toBe(3)
    expect(attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': call?.provider,
      'gen_ai.request.model': call?.model,
      'gen_ai.response.model': call?.model,
      'gen_ai.agent.name': call?.agent,
      'gen_ai.usage.input_tokens': call?.input_tokens,
      'gen_ai.usage.output_tokens': call?.output_tokens,
      'openinference.span.kind': 'LLM',
      'countersign.cost.usd': call?.cost_usd,
      'llm.cost.total': call?.cost_usd,
    })
    expect(['stop', 'tool_call']).toContain((attributes['gen_ai.response.finish_reasons'] as string[])[0])
  }
})

it('agents, tools, jobs, evaluations and runs in the sandbox are told apart', () => {
  const kinds = (name: string) => [
    ...new Set(named(name).map(({ attributes }) => attributes['openinference.span.kind'])),
  ]
  expect(kinds('invoke_agent coder')).toEqual(['AGENT'])
  expect(kinds('execute_tool submit_patch')).toEqual(['TOOL'])
  expect(named('execute_tool submit_patch', sessionSpans()).map(({ attributes }) => attributes['error.type'])).toEqual([
    'tool_error',
    undefined,
    undefined,
  ])
  const verdicts = named('invoke_agent evaluator', sessionSpans()).map(({ attributes }) => attributes)
  expect(verdicts.map((attributes) => attributes['gen_ai.evaluation.score.label'])).toEqual(['REJECT', 'APPROVE'])
  expect(kinds('invoke_agent evaluator')).toEqual(['EVALUATOR'])
  expect(kinds('evaluate safety')).toEqual(['EVALUATOR'])
  const [job] = named('process run-session-turn')
  expect(job).toMatchObject({
    kind: 5,
    attributes: {
      'messaging.message.id': expect.stringMatching(/^outbox-\d+$/),
      'messaging.destination.name': 'sessions',
      'countersign.job.waited_ms': expect.any(Number),
    },
  })
  expect(named('sandbox run')[0]?.attributes).toMatchObject({
    'countersign.sandbox.driver': server.context.services.sandbox.driver,
    'process.exit.code': expect.any(Number),
    'countersign.sandbox.timed_out': false,
  })
})

it("an operation says its type and the schema's words, over GraphQL and over MCP", () => {
  const { attributes, kind } = only('mutation sendMessage')
  expect(kind).toBe(2)
  expect(attributes).toEqual({
    'openinference.span.kind': 'CHAIN',
    'graphql.operation.type': 'mutation',
    'countersign.graphql.root_fields': ['sendMessage'],
  })
  expect(only('tools/call list_projects')).toMatchObject({ kind: 2, parentId: '' })
})

it("an agent's message carries the id of the trace, and a person's does not", () => {
  const { traceId } = only('mutation sendMessage')
  expect(messages.map(({ role, traceId: id }) => [role, id])).toEqual([
    ['USER', null],
    ['CODER', traceId],
    ['EVALUATOR', traceId],
    ['CODER', traceId],
    ['EVALUATOR', traceId],
  ])
})

it('nothing that a person or a model wrote is sent', () => {
  const sent = receiver.raw()
  for (const { text } of messages) {
    const [sentence = ''] = text.split('\n')
    expect(sentence.length).toBeGreaterThan(10)
    expect(sent).not.toContain(sentence)
  }
  expect(
    receiver.spans.filter(({ attributes }) =>
      Object.keys(attributes).some((name) => /messages|instructions|arguments|result$/.test(name)),
    ),
  ).toEqual([])
  expect(sent).not.toContain(server.token)
})
