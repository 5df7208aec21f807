/** What a command's exit code says. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A person or the system told the command to end. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
  constructor() {
    super('Interrupted.')
  }
}

/** The arguments make sense one by one, but not together or not here. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const maxCauses = 4

/** One message for people: what happened and, where it says more, why. With `stack`, where in the code too. */
export const describeFault = (error: unknown, options: { readonly stack: boolean }): string => {
  if (!(error instanceof Error)) return String(error)
  if (options.stack && error.stack) return error.stack
  const messages: string[] = []
  let current: unknown = error
  for (let depth = 0; current instanceof Error && depth < maxCauses; depth += 1) {
    const own = messageOf(current)
    if (own && !messages.some((message) => message.includes(own))) messages.push(own)
    current = current.cause
  }
  return messages.join('\n  because: ')
}

// Several tries at once, such as connecting to each address of a host, fail with an AggregateError without words.
const messageOf = (error: Error): string =>
  error.message ||
  (error instanceof AggregateError
    ? error.errors.map((each: unknown) => (each instanceof Error ? each.message : String(each))).join('; ')
    : error.name)
