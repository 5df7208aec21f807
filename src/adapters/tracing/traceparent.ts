import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** A place in a trace as it is stored: W3C Trace Context's `traceparent`, 55 characters. */
export const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`

/** The place that a stored `traceparent` names; undefined for what is none. */
export const fromTraceparent = (text: string | null | undefined): SpanContext | undefined => {
  const [, traceId, spanId, flags] = form.exec(text ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const place = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(place) ? place : undefined
}
