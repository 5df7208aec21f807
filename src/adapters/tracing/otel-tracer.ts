import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type { Span, SpanContent, SpanFacts, SpanKind, SpanOptions, Tracer } from '../../domain/ports/tracer.ts'
import { withLogContext } from '../../domain/shared/log-context.ts'
import type { Redact } from '../../domain/shared/redact-secrets.ts'
import { attributesOf, fixedAttributes, shapes } from './attributes.ts'
import { contentAttributes } from './content.ts'
import { fromTraceparent, toTraceparent } from './traceparent.ts'

export interface TracerOptions {
  readonly otel: OtelTracer
  /** Whether what people and models wrote is recorded too. */
  readonly capturesContent: boolean
  readonly redact: Redact
}

const maxMessageCharacters = 500

/** What kind of error it was; its message may hold what somebody wrote. */
const typeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code ?? error.name
}

const isRecorded = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0

/**
 * Records spans. What is under way is kept here and not in OpenTelemetry's globals: nothing is registered there, so no
 * library finds a tracer or a propagator of ours, and no trace header leaves this process.
 */
export const createTracer = ({ otel, capturesContent, redact }: TracerOptions): Tracer => {
  const active = new AsyncLocalStorage<Context>()
  const here = (): SpanContext | undefined => {
    const context = active.getStore()
    return context && trace.getSpanContext(context)
  }

  const begin = (kind: SpanKind, facts: SpanFacts, stored: string | null | undefined): OtelSpan => {
    const { name, kind: otelKind } = shapes[kind]
    const attributes = { ...fixedAttributes(kind), ...attributesOf(facts) }
    const asker = here()
    const joined = fromTraceparent(stored)
    if (!joined || joined.traceId === asker?.traceId) {
      return otel.startSpan(name(facts), { kind: otelKind, attributes }, active.getStore() ?? ROOT_CONTEXT)
    }
    const links = asker ? [{ context: asker }] : []
    const context = trace.setSpanContext(ROOT_CONTEXT, joined)
    const span = otel.startSpan(name(facts), { kind: otelKind, attributes, links }, context)
    if (asker) trace.getSpan(active.getStore() ?? ROOT_CONTEXT)?.addLink({ context: span.spanContext() })
    return span
  }

  const fail = (span: OtelSpan, failure: string, message?: string) => {
    span.setAttribute('error.type', failure)
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
  }

  const noteOn = (span: OtelSpan, facts: SpanFacts, content: (() => SpanContent) | undefined) => {
    span.setAttributes(attributesOf(facts))
    if (facts.failure !== undefined) fail(span, facts.failure)
    if (content && capturesContent && span.isRecording()) span.setAttributes(contentAttributes(content(), redact))
  }

  const span = async <Result>(
    kind: SpanKind,
    facts: SpanFacts,
    work: (span: Span) => Promise<Result>,
    { trace: stored, content }: SpanOptions = {},
  ): Promise<Result> => {
    const otelSpan = begin(kind, facts, stored)
    noteOn(otelSpan, {}, content)
    const noted: Span = { note: (more, written) => noteOn(otelSpan, more, written) }
    const inside = trace.setSpan(active.getStore() ?? ROOT_CONTEXT, otelSpan)
    const place = otelSpan.spanContext()
    const run = () => active.run(inside, () => work(noted))
    try {
      return await (isRecorded(place) ? withLogContext({ traceId: place.traceId }, run) : run())
    } catch (error) {
      const message = error instanceof Error ? redact(error.message).slice(0, maxMessageCharacters) : undefined
      fail(otelSpan, typeOf(error), capturesContent ? message : undefined)
      throw error
    } finally {
      otelSpan.end()
    }
  }

  return {
    isOn: true,
    span,
    join(stored, facts, work) {
      const joined = fromTraceparent(stored)
      if (!joined || joined.traceId === here()?.traceId) return work()
      return span('step', facts, work, { trace: stored })
    },
    current() {
      const place = here()
      return place ? toTraceparent(place) : null
    },
    traceId() {
      const place = here()
      return place && isRecorded(place) ? place.traceId : null
    },
  }
}
