import { type Logger as Pino, pino } from 'pino'

/** What is logged of an error. Its other properties may hold anything: a connection, a request with its key. */
const describeError = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const code = 'code' in error ? error.code : undefined
  return { type: name, message, code, stack, cause: cause === undefined ? undefined : describeError(cause) }
}

/**
 * JSON lines on stderr, so that stdout stays for what a command prints. Secrets are never passed to it; the names
 * under which one could slip through are redacted all the same.
 */
export const createLogger = (level: string): Pino =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: describeError },
      redact: ['authorization', 'apiKey', 'secret', 'token', '*.authorization', '*.apiKey', '*.secret', '*.token'],
    },
    pino.destination({ dest: 2, sync: true }),
  )
