import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it, vi } from 'vitest'
import { createTracer } from '../../src/adapters/tracing/otel-tracer.ts'
import type { SpanFacts, Tracer } from '../../src/domain/ports/tracer.ts'

const broken = (): never => {
  throw new Error('The SDK is broken.')
}

/** The same object, but for one method that throws. */
const without = <Part extends object>(method: string, part: Part): Part =>
  new Proxy(part, {
    get(target, name) {
      if (name === method) return broken
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const earlier = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const fault = new Error('It failed by itself.')

/** Work of all kinds, whose answer was paid for. */
const bought = async (tracer: Tracer, fails: { facts: boolean; content: boolean }) => {
  const content = () => (fails.content ? broken() : { result: 'read' })
  const facts = (): SpanFacts => (fails.facts ? broken() : { inputTokens: 1, failure: 'lost' })
  const work = vi.fn(async () => 'an answer')
  const answer = await tracer.span('operation', { operation: 'mutation a' }, () =>
    tracer.join(earlier, { step: 'go on' }, () =>
      tracer.span(
        'model',
        { model: 'm' },
        async (span) => {
          const given = await work()
          span.note(facts, content)
          return given
        },
        { content },
      ),
    ),
  )
  await expect(tracer.span('tool', { tool: 't' }, () => Promise.reject(fault))).rejects.toBe(fault)
  expect([answer, work.mock.calls.length]).toEqual(['an answer', 1])
  expect([tracer.current(), tracer.traceId()]).toEqual([null, null])
}

const steps = ['go on', 'mutation a']

it.each([
  ['begins no span', 'startSpan', []],
  ['does not say where a span is', 'spanContext', []],
  ['takes no attributes', 'setAttributes', []],
  ['takes no attribute', 'setAttribute', steps],
  ['takes no status', 'setStatus', steps],
  ['takes no link', 'addLink', ['chat m', ...steps, 'execute_tool t']],
  ['does not say whether it records', 'isRecording', [...steps, 'execute_tool t']],
  ['ends no span', 'end', []],
  ['meets secrets that cannot be taken out', 'redact', steps],
  ['meets contents that cannot be read', 'content', [...steps, 'execute_tool t']],
  ['meets facts that cannot be worked out', 'facts', [...steps, 'execute_tool t']],
])('a tracer that %s costs one line of the log and the spans, and none of the work', async (_, place, left) => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const real = provider.getTracer('tests')
  const otel = without(place, {
    startSpan: (...given: Parameters<typeof real.startSpan>) => without(place, real.startSpan(...given)),
    startActiveSpan: broken,
  })
  const warn = vi.fn()
  const log = { debug() {}, info() {}, error() {}, warn }
  const redact = (text: string) => (place === 'redact' ? broken() : text)
  const tracer = createTracer({ otel, capturesContent: true, redact, log })
  await bought(tracer, { facts: place === 'facts', content: place === 'content' })
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(left)
  expect(warn.mock.calls).toEqual([
    [{ error: expect.objectContaining({ message: 'The SDK is broken.' }) }, expect.stringContaining('left out')],
  ])
  await provider.shutdown()
})
