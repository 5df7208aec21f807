import { type Logger as Pino, pino } from 'pino'

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
      serializers: { error: pino.stdSerializers.err },
      redact: ['authorization', 'apiKey', 'secret', 'token', '*.authorization', '*.apiKey', '*.secret', '*.token'],
    },
    pino.destination({ dest: 2, sync: true }),
  )
