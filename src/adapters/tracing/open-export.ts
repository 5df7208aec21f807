import { setTimeout as delay } from 'node:timers/promises'
import type { Tracer as OtelTracer } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from '../../domain/shared/services.ts'
import type { TracingSettings } from './open-tracer.ts'

// So that a receiver that is gone holds nothing up at the end.
const flushMs = 2_000
// With what was written in them spans are large, and receivers bound a request.
const batches = { maxExportBatchSize: 512, maxQueueSize: 2_048 }
const batchesWithContent = { maxExportBatchSize: 32, maxQueueSize: 256 }
const succeeded = 0
const failed = 1

/** Says once that a receiver does not take the spans, and once that it does again. */
const createTeller = (endpoint: string, log: Logger) => {
  let isDown = false
  return {
    failed(error?: unknown) {
      if (!isDown)
        log.warn(
          { endpoint, error },
          'traces cannot be sent: what finds no room is dropped, and nothing waits for them',
        )
      isDown = true
    },
    succeeded() {
      if (isDown) log.info({ endpoint }, 'traces are sent again')
      isDown = false
    },
  }
}

const telling = (exporter: SpanExporter, tell: ReturnType<typeof createTeller>): SpanExporter => ({
  export(spans, done) {
    const told: typeof done = (result) => {
      if (result.code === succeeded) tell.succeeded()
      else tell.failed(result.error)
      done(result)
    }
    try {
      exporter.export(spans, told)
    } catch (error) {
      told({ code: failed, error: error as Error })
    }
  },
  shutdown: () => exporter.shutdown(),
  forceFlush: async () => exporter.forceFlush?.(),
})

export interface SpanExport {
  readonly otel: OtelTracer
  /** Sends what is left, for two seconds at the most. */
  close(): Promise<void>
}

/** Sends spans to a receiver, in batches, as OTLP over HTTP. */
export const openExport = (
  { endpoint, headers, serviceName, ratio, capturesContent }: TracingSettings,
  sender: { readonly version: string; readonly processName: string },
  log: Logger,
): SpanExport => {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, headers: { ...headers } })
  const tell = createTeller(endpoint, log)
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': sender.version,
      'service.instance.id': sender.processName,
      // Under which Phoenix files them.
      'openinference.project.name': serviceName,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: telling(exporter, tell),
        ...(capturesContent ? batchesWithContent : batches),
      }),
    ],
  })
  return {
    otel: provider.getTracer('countersign', sender.version),
    async close() {
      const flushed = new AbortController()
      const late = delay(flushMs, undefined, { signal: flushed.signal }).then(tell.failed, () => {})
      await Promise.race([provider.shutdown().catch(tell.failed), late])
      flushed.abort()
    },
  }
}
