import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { propagation, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { afterEach, expect, it, vi } from 'vitest'
import { createAnthropicProvider } from '../../src/adapters/llm/anthropic.ts'
import { createOpenAiProvider } from '../../src/adapters/llm/openai.ts'
import { type OpenTracer, openTracer, type TracingSettings } from '../../src/adapters/tracing/open-tracer.ts'
import type { CallBook } from '../../src/domain/ports/model-gateway.ts'
import type { CallSite } from '../../src/domain/run/call-site.ts'
import { logContext } from '../../src/domain/shared/log-context.ts'
import { redactor } from '../../src/domain/shared/redact-secrets.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { traceTestCalls } from '../../src/domain/testing/trace-test-calls.ts'
import { type ReceivedSpan, type Receiver, startReceiver } from './receiver.ts'

const canary = 'canary-of-a-provider-key'
const silent = { debug() {}, info() {}, warn() {}, error() {} }

let opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const part of opened.toReversed()) await part[Symbol.asyncDispose]()
  opened = []
})

/** A tracer with a receiver of its own. */
const traced = async (
  settings: Partial<TracingSettings> = {},
  log = silent,
): Promise<OpenTracer & { receiver: Receiver }> => {
  const receiver = await startReceiver()
  const standard = { endpoint: receiver.url, headers: {}, serviceName: 'a service', ratio: 1, capturesContent: false }
  const sender = { version: '1.2.3', processName: 'host/1', redact: redactor([canary]) }
  const { tracer, ...rest } = await openTracer({ ...standard, ...settings }, sender, log)
  opened.push(receiver)
  return { ...rest, tracer, receiver }
}

it('sends spans of a trace with who sends them, what the headers say, and how each ended', async () => {
  const { tracer, receiver, [Symbol.asyncDispose]: close } = await traced({ headers: { 'x-key': 'a b' } })
  const ids = await tracer.span('operation', { operation: 'query a' }, () =>
    tracer.span('step', { step: 'inner', costUsd: 0.5 }, async () => [tracer.traceId(), logContext().traceId]),
  )
  await expect(
    tracer.span('step', { step: 'broken' }, () => Promise.reject(new TypeError(`no ${canary}`))),
  ).rejects.toThrow('no ')
  await close()
  const [inner, outer, broken] = ['inner', 'query a', 'broken'].map((name) =>
    receiver.spans.find((span) => span.name === name),
  )
  expect(ids).toEqual([outer?.traceId, outer?.traceId])
  expect(inner).toMatchObject({ traceId: outer?.traceId, parentId: outer?.spanId, isError: false })
  expect(inner?.attributes).toMatchObject({ 'countersign.cost.usd': 0.5, 'openinference.span.kind': 'CHAIN' })
  expect(outer).toMatchObject({ parentId: '', kind: 2 })
  expect(broken).toMatchObject({ isError: true, parentId: '', attributes: { 'error.type': 'TypeError' } })
  expect(receiver.raw()).not.toContain(canary)
  expect(receiver.requests[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-key': 'a b' } })
  expect(receiver.resources[0]).toMatchObject({
    'service.name': 'a service',
    'service.version': '1.2.3',
    'service.instance.id': 'host/1',
    'openinference.project.name': 'a service',
  })
})

it('work that goes on later joins its stored trace, and it and who asked for it name each other', async () => {
  const { tracer, receiver, [Symbol.asyncDispose]: close } = await traced()
  const stored = await tracer.span('operation', { operation: 'mutation begin' }, async () => tracer.current())
  expect(stored).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  await tracer.span('operation', { operation: 'mutation goOn' }, () =>
    tracer.join(stored, { step: 'go on' }, () =>
      // Already in it: no part of its own.
      tracer.join(stored, { step: 'not said' }, () => tracer.span('commit', { commit: 'abc' }, async () => {})),
    ),
  )
  await close()
  const [begin, goOn, step, commit] = ['mutation begin', 'mutation goOn', 'go on', 'git commit'].map((name) =>
    receiver.spans.find((span) => span.name === name),
  )
  expect(receiver.spans).toHaveLength(4)
  expect(goOn?.traceId).not.toBe(begin?.traceId)
  expect(step).toMatchObject({ traceId: begin?.traceId, parentId: begin?.spanId })
  expect(commit).toMatchObject({ traceId: begin?.traceId, parentId: step?.spanId })
  expect(step?.links).toEqual([{ traceId: goOn?.traceId, spanId: goOn?.spanId }])
  expect(goOn?.links).toEqual([{ traceId: step?.traceId, spanId: step?.spanId }])
  expect(tracer.current()).toBeNull()
})

it('what people and models wrote is asked for and sent only where that is wished, without secrets', async () => {
  const written = {
    system: 'Be good.',
    messages: [
      { role: 'user' as const, text: `My key is ${canary}.` },
      { role: 'tool' as const, outcomes: [{ toolUseId: 't', text: `read ${canary}`, isError: false }] },
    ],
    argumentsText: JSON.stringify({ content: canary }),
    result: `${'x'.repeat(7_990)} ${canary}`,
  }
  const turn = {
    role: 'assistant' as const,
    text: `It is ${canary}`,
    toolUses: [{ id: 't', name: 'write_file', argumentsText: `{"key":"${canary}"}` }],
  }
  const wished = await traced({ capturesContent: true })
  await wished.tracer.span(
    'model',
    { model: 'a-model' },
    async (span) => span.note({}, () => ({ answer: { turn, stop: 'TOOLS' } })),
    { content: () => written },
  )
  await wished[Symbol.asyncDispose]()
  const [{ attributes } = { attributes: {} as ReceivedSpan['attributes'] }] = wished.receiver.spans
  const sent = (name: string) => JSON.parse(String(attributes[name]))
  expect(sent('gen_ai.system_instructions')).toEqual([{ type: 'text', content: 'Be good.' }])
  expect(sent('gen_ai.input.messages')).toMatchObject([
    { role: 'user', parts: [{ type: 'text', content: 'My key is [redacted].' }] },
    { role: 'tool', parts: [{ type: 'tool_call_response', id: 't', response: 'read [redacted]' }] },
  ])
  expect(sent('gen_ai.output.messages')).toEqual([
    {
      role: 'assistant',
      parts: [
        { type: 'text', content: 'It is [redacted]' },
        { type: 'tool_call', id: 't', name: 'write_file', arguments: '{"key":"[redacted]"}' },
      ],
      finish_reason: 'tool_call',
    },
  ])
  expect(sent('gen_ai.tool.call.arguments')).toEqual({ content: '[redacted]' })
  expect(String(attributes['gen_ai.tool.call.result']).slice(7_990)).toBe(' [redacted[cut: 1 more]')
  // Also where a text is cut: half a secret is one.
  expect(wished.receiver.raw()).not.toContain(canary.slice(0, 9))

  const unwished = await traced()
  const content = vi.fn(() => written)
  await unwished.tracer.span('model', { model: 'a-model' }, async (span) => span.note({}, content), { content })
  await unwished[Symbol.asyncDispose]()
  expect(content).not.toHaveBeenCalled()
  expect(unwished.receiver.raw()).not.toContain('Be good')
})

it('a name that others chose goes out where it is one, and else as a hash that tells it from others', async () => {
  const { tracer, receiver, [Symbol.asyncDispose]: close } = await traced()
  const named = { model: 'org/model:7b@1.2+x', answeringModel: 'a-model', toolUseId: 'call_1-A' }
  const odd = { model: 'Say this:', answeringModel: `rm -rf\n${canary}`, toolUseId: 'x'.repeat(129) }
  await tracer.span('model', named, async () => {})
  for (const _ of [1, 2]) await tracer.span('model', { model: odd.model }, async (span) => span.note(odd))
  await tracer.span('model', { ...named, answeringModel: canary }, async (span) => span.note({ failure: 'a b' }))
  const complaint = Object.assign(new Error(), { code: 'what a provider said' })
  await expect(tracer.span('step', { step: 'broken' }, () => Promise.reject(complaint))).rejects.toThrow(complaint)
  await close()
  const [plain, hashed, again, secret, failed] = receiver.spans
  expect(plain).toMatchObject({
    name: 'chat org/model:7b@1.2+x',
    attributes: { 'gen_ai.response.model': 'a-model', 'gen_ai.tool.call.id': 'call_1-A' },
  })
  const hash = expect.stringMatching(/^sha256:[0-9a-f]{16}$/)
  const names = ['gen_ai.request.model', 'gen_ai.response.model', 'gen_ai.tool.call.id']
  expect(hashed?.name).toMatch(/^chat sha256:[0-9a-f]{16}$/)
  expect(names.map((name) => hashed?.attributes[name])).toEqual([hash, hash, hash])
  expect(again?.attributes).toEqual(hashed?.attributes)
  expect(secret?.attributes).toMatchObject({ 'gen_ai.response.model': hash, 'error.type': hash })
  expect(failed?.attributes['error.type']).toEqual(hash)
  for (const word of [...Object.values(odd), canary, 'provider']) expect(receiver.raw()).not.toContain(word)
})

it('a trace that is left out by the ratio is left out as a whole, and has no id to look up', async () => {
  const { tracer, receiver, [Symbol.asyncDispose]: close } = await traced({ ratio: 0 })
  const stored = await tracer.span('operation', { operation: 'query a' }, async () => tracer.current())
  const id = await tracer.span('job', { job: 'a-job' }, async () => tracer.traceId(), { trace: stored })
  await close()
  expect(stored).toMatch(/-00$/)
  expect(id).toBeNull()
  expect(receiver.spans).toEqual([])
})

it('no trace header goes to a provider, and no library finds a tracer of ours', async () => {
  const headers: IncomingHttpHeaders[] = []
  const provider = createServer((request, response) => {
    headers.push(request.headers)
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"type":"error","error":{"type":"x"}}')
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const options = { apiKey: 'a key', baseUrl, defaultModel: 'm', rehearsal: false }
  const request = {
    model: 'm',
    system: '',
    messages: [],
    tools: [],
    maxOutputTokens: 9,
    signal: AbortSignal.timeout(60_000),
  }
  const { tracer } = await traced()
  await tracer.span('agent', { agent: 'coder' }, async () => {
    for (const create of [createAnthropicProvider, createOpenAiProvider])
      await expect(create(options).complete(request)).rejects.toThrow()
    expect(propagation.fields()).toEqual([])
    expect(trace.getActiveSpan()).toBeUndefined()
  })
  provider.close()
  expect(headers).toHaveLength(2)
  expect(headers.flatMap((sent) => Object.keys(sent)).filter((name) => /trace|baggage/.test(name))).toEqual([])
})

it("a test's own calls of models are parts of the trace that the test is a part of", async () => {
  const { tracer, receiver, [Symbol.asyncDispose]: close } = await traced()
  const services = { tracer, models: { costOf: () => 0.25 } } as unknown as Services
  const ids = ['one', 'two']
  const plain: CallBook = { admit: async () => ({ callId: ids.shift() ?? '' }), settle: async () => {}, note() {} }
  const site = { projectId: 'p', sprintId: null, runId: null, candidateId: null, agent: 'test', iteration: 0 }
  const call = { provider: 'OPENAI', model: 'a-model', inputBytes: 1, maxOutputTokens: 9, requestHash: 'h' } as const
  const book = await tracer.span('job', { job: 'run-tests' }, async () =>
    traceTestCalls(services, site as unknown as CallSite, plain),
  )
  // They come by a connection, where nothing of ours is under way.
  await book.admit(call)
  await book.admit(call)
  await book.settle('two', { status: 'LOST', reason: 'It left.' })
  await book.settle('one', { status: 'ANSWERED', usage: { inputTokens: 3, cachedInputTokens: 1, outputTokens: 2 } })
  await close()
  const job = receiver.spans.find(({ name }) => name === 'process run-tests')
  const chats = receiver.spans.filter(({ name }) => name === 'chat a-model')
  expect(chats.map(({ parentId }) => parentId)).toEqual([job?.spanId, job?.spanId])
  expect(chats.map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ 'countersign.call.id': 'two', 'error.type': 'lost' }),
    expect.objectContaining({ 'countersign.call.id': 'one', 'gen_ai.usage.input_tokens': 3, 'llm.cost.total': 0.25 }),
  ])
})

it('a receiver that is gone costs one warning', async () => {
  const gone = await startReceiver()
  await gone[Symbol.asyncDispose]()
  const warn = vi.fn()
  const { tracer, [Symbol.asyncDispose]: close } = await traced({ endpoint: gone.url }, { ...silent, warn })
  for (let made = 0; made < 300; made++) await tracer.span('step', { step: 'a step' }, async () => {})
  await close()
  expect(warn).toHaveBeenCalledOnce()
  expect(warn.mock.calls[0]?.[1]).toMatch(/traces cannot be sent/)
})

it('spans that cannot be written down cost one warning, and hold nothing up', async () => {
  const unwritable = new Error('unwritable')
  const written = vi.spyOn(OTLPTraceExporter.prototype, 'export').mockImplementation(() => {
    throw unwritable
  })
  opened.push({ [Symbol.asyncDispose]: async () => written.mockRestore() })
  const warn = vi.fn()
  const { tracer, [Symbol.asyncDispose]: close } = await traced({}, { ...silent, warn })
  for (let made = 0; made < 600; made++) await tracer.span('step', { step: 'a step' }, async () => {})
  await close()
  expect(written.mock.calls.length).toBeGreaterThan(1)
  expect(warn.mock.calls).toEqual([[expect.objectContaining({ error: unwritable }), expect.any(String)]])
})
