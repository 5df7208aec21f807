import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import {
  type Span,
  type SpanContent,
  type SpanFacts,
  type SpanKind,
  type SpanOptions,
  type Tracer,
  unrecorded,
} from '../../domain/ports/tracer.ts'
import { withLogContext } from '../../domain/shared/log-context.ts'
import type { Redact } from '../../domain/shared/redact-secrets.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { createAttempt } from './attempt.ts'
import { attributesOf, fixedAttributes, plainFacts, shapes } from './attributes.ts'
import { contentAttributes } from './content.ts'
import { plainWord } from './plain-word.ts'
import { fromTraceparent, toTraceparent } from './traceparent.ts'

export interface TracerOptions {
  readonly otel: OtelTracer
  /** Whether what people and models wrote is recorded too. */
  readonly capturesContent: boolean
  readonly redact: Redact
  readonly log: Logger
}

/** Where what is under way stands. Read once from the SDK, so that nobody who asks for it later meets its faults. */
interface Place {
  readonly span: OtelSpan
  readonly context: Context
  readonly traceId: string
  readonly traceparent: string
  readonly isRecorded: boolean
}

const maxMessageCharacters = 500

const placeOf = (span: OtelSpan, within: Context): Place => {
  const at = span.spanContext()
  return {
    span,
    context: trace.setSpan(within, span),
    traceId: at.traceId,
    traceparent: toTraceparent(at),
    isRecorded: (at.traceFlags & TraceFlags.SAMPLED) !== 0,
  }
}

const linkTo = ({ span }: Place) => ({ context: span.spanContext() })

/** What kind of error it was; its message may hold what somebody wrote. */
const typeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code ?? error.name
}

/**
 * Records spans. What is under way is kept here and not in OpenTelemetry's globals: nothing is registered there, so no
 * library finds a tracer or a propagator of ours, and no trace header leaves this process. Nothing of the SDK is called
 * but in an attempt: a span that cannot be begun, noted on or ended is dropped, and the work goes on.
 */
export const createTracer = ({ otel, capturesContent, redact, log }: TracerOptions): Tracer => {
  const active = new AsyncLocalStorage<Place>()
  const attempt = createAttempt(log)

  const fail = (span: OtelSpan, failure: string, message?: string) => {
    span.setAttribute('error.type', plainWord(failure, redact))
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
  }

  const noteOn = (span: OtelSpan, facts: SpanFacts, content: (() => SpanContent) | undefined) => {
    span.setAttributes(attributesOf(plainFacts(facts, redact)))
    if (facts.failure !== undefined) fail(span, facts.failure)
    if (content && capturesContent && span.isRecording()) span.setAttributes(contentAttributes(content(), redact))
  }

  const noteError = (span: OtelSpan, error: unknown) => {
    const message =
      capturesContent && error instanceof Error
        ? redact(error.message).slice(0, maxMessageCharacters).toWellFormed()
        : undefined
    fail(span, typeOf(error), message)
  }

  const begin = (kind: SpanKind, given: SpanFacts, { trace: stored, content }: SpanOptions): Place => {
    const facts = plainFacts(given, redact)
    const { name, kind: otelKind } = shapes[kind]
    const options = { kind: otelKind, attributes: { ...fixedAttributes(kind), ...attributesOf(facts) } }
    const asker = active.getStore()
    const joined = fromTraceparent(stored)
    const isElsewhere = joined !== undefined && joined.traceId !== asker?.traceId
    const within = isElsewhere ? trace.setSpanContext(ROOT_CONTEXT, joined) : (asker?.context ?? ROOT_CONTEXT)
    const links = isElsewhere && asker ? [linkTo(asker)] : []
    const place = placeOf(otel.startSpan(name(facts), { ...options, links }, within), within)
    noteOn(place.span, {}, content)
    if (isElsewhere && asker) attempt(() => asker.span.addLink(linkTo(place)))
    return place
  }

  const span = async <Result>(
    kind: SpanKind,
    facts: SpanFacts,
    work: (span: Span) => Promise<Result>,
    options: SpanOptions = {},
  ): Promise<Result> => {
    const place = attempt(() => begin(kind, facts, options))
    if (place === undefined) return work(unrecorded)
    let isWhole = true
    const record = (write: () => void): void => {
      if (!isWhole) return
      isWhole =
        attempt(() => {
          write()
          return true
        }) ?? false
    }
    const noted: Span = {
      note: (more, written) => record(() => noteOn(place.span, typeof more === 'function' ? more() : more, written)),
    }
    const run = () => active.run(place, () => work(noted))
    try {
      return await (place.isRecorded ? withLogContext({ traceId: place.traceId }, run) : run())
    } catch (error) {
      record(() => noteError(place.span, error))
      throw error
    } finally {
      record(() => place.span.end())
    }
  }

  return {
    isOn: true,
    span,
    join(stored, facts, work) {
      const joined = attempt(() => fromTraceparent(stored))
      if (!joined || joined.traceId === active.getStore()?.traceId) return work()
      return span('step', facts, work, { trace: stored })
    },
    current: () => active.getStore()?.traceparent ?? null,
    traceId() {
      const place = active.getStore()
      return place?.isRecorded ? place.traceId : null
    },
  }
}
