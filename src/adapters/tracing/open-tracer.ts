import { noTracer, type Tracer } from '../../domain/ports/tracer.ts'
import type { Redact } from '../../domain/shared/redact-secrets.ts'
import type { Logger } from '../../domain/shared/services.ts'

/** Where spans are sent, and which. */
export interface TracingSettings {
  /** The receiver's address, to which `/v1/traces` is added. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** Which part of all traces is recorded, from 0 to 1. */
  readonly ratio: number
  readonly capturesContent: boolean
}

/** Who is seen as sending the spans. */
interface Sender {
  readonly version: string
  /** Unique per process. */
  readonly processName: string
  readonly redact: Redact
}

export interface OpenTracer extends AsyncDisposable {
  readonly tracer: Tracer
}

/** Records spans where settings are given. Without them nothing of OpenTelemetry is loaded. */
export const openTracer = async (
  settings: TracingSettings | undefined,
  sender: Sender,
  log: Logger,
): Promise<OpenTracer> => {
  if (settings === undefined) return { tracer: noTracer, async [Symbol.asyncDispose]() {} }
  const [{ openExport }, { createTracer }] = await Promise.all([import('./open-export.ts'), import('./otel-tracer.ts')])
  const { otel, close } = openExport(settings, sender, log)
  return {
    tracer: createTracer({ otel, capturesContent: settings.capturesContent, redact: sender.redact, log }),
    [Symbol.asyncDispose]: close,
  }
}
