import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import { type Logger as Pino, pino } from 'pino'
import type Pretty from 'pino-pretty'
import { terminalSafeJson, visibleBlock, visibleLine } from './cli/render/visible-text.ts'
import { logContext } from './domain/shared/log-context.ts'
import { redactor } from './domain/shared/redact-secrets.ts'

export interface LogSettings {
  readonly level: string
  /** `auto` is `pretty` on a terminal, and `json` otherwise. */
  readonly format: 'auto' | 'json' | 'pretty'
  /** What this process knows that may never be read in a log. */
  readonly secrets: readonly string[]
}

const stderr = 2

// An error can have causes without end, itself among them, and parts that have parts.
const maxDepth = 5
const maxParts = 10
const maxErrors = 30
const leftOut = '[more]'

/** The errors that one stands for. */
const partsOf = (error: Error): readonly unknown[] => {
  if (error instanceof AggregateError && Array.isArray(error.errors)) return error.errors
  return error instanceof SuppressedError ? [error.error, error.suppressed] : []
}

/** What is logged of an error. Its other properties may hold anything: a connection, a request with its key. */
const describeError = (thrown: unknown): unknown => {
  let left = maxErrors
  const describe = (error: unknown, depth: number): unknown => {
    if (!(error instanceof Error)) return error
    if (depth === 0 || left === 0) return leftOut
    left -= 1
    const { name, message, stack, cause } = error
    const code = 'code' in error ? error.code : undefined
    const parts = partsOf(error)
    const errors = parts.slice(0, maxParts).map((part) => describe(part, depth - 1))
    return {
      type: name,
      message,
      code,
      stack,
      cause: cause === undefined ? undefined : describe(cause, depth - 1),
      errors: parts.length === 0 ? undefined : parts.length > maxParts ? [...errors, leftOut] : errors,
    }
  }
  return describe(thrown, maxDepth)
}

/** Only a stack has lines of its own: anything else could forge some. */
const visible = (key: string, value: unknown): unknown => {
  if (typeof value !== 'string') return value
  return key === 'stack' ? visibleBlock(value) : visibleLine(value)
}

/** Lines of JSON as a person reads them. */
const prettyLines = (hasColours: boolean): ((line: string) => string) => {
  // Loaded where somebody looks on.
  const { prettyFactory, isColorSupported }: typeof Pretty = createRequire(import.meta.url)('pino-pretty')
  const pretty = prettyFactory({
    colorize: hasColours && isColorSupported,
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: ['error', 'cause'],
  })
  return (line) => pretty(JSON.parse(line, visible))
}

const toStderr = (): ((text: string) => void) => {
  // At once: what is said before an end is said.
  const destination = pino.destination({ dest: stderr, sync: true })
  return (text) => destination.write(text)
}

/**
 * JSON lines on stderr, so that stdout stays for what a command prints; for a person at a terminal, lines to read. Each
 * says what work it is of. Secrets are not passed to it; where one slips through, in the words of a provider or a
 * database, it is taken out, and so is what a terminal would act on.
 * @param write takes each line, with its line feed
 */
export const createLogger = ({ level, format, secrets }: LogSettings, write = toStderr()): Pino => {
  const redact = redactor(secrets)
  const isTerminal = isatty(stderr)
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const shape = isPretty ? prettyLines(isTerminal) : terminalSafeJson
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: describeError },
      // What a line says of itself comes after it, and holds.
      mixin: () => ({ ...logContext() }),
      redact: ['authorization', 'apiKey', 'secret', 'token', '*.authorization', '*.apiKey', '*.secret', '*.token'],
    },
    { write: (line) => write(shape(redact(line))) },
  )
}
