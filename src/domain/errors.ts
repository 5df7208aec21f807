/**
 * What can go wrong in the domain's own words. Edges translate once: GraphQL into error types,
 * workers into a failed step.
 */
export abstract class DomainError extends Error {
  abstract override readonly name: string
  /** A stable, upper-case word for programs. */
  abstract readonly code: string
}

export interface FieldFault {
  /** Names and list positions from the input's root. */
  readonly path: readonly string[]
  readonly message: string
}

/** The input has the wrong shape or value; nothing was stored. */
export class ValidationError extends DomainError {
  override readonly name = 'ValidationError'
  override readonly code = 'VALIDATION'
  readonly fieldErrors: readonly FieldFault[]
  constructor(fieldErrors: readonly FieldFault[]) {
    super(fieldErrors.map((fault) => `${fault.path.join('.') || 'input'}: ${fault.message}`).join('; '))
    this.fieldErrors = fieldErrors
  }
}

/** Events after the cursor are gone: whoever reads on from it would miss them without a word. */
export class CursorTooOldError extends DomainError {
  override readonly name = 'CursorTooOldError'
  override readonly code = 'CURSOR_TOO_OLD'
  /** @param before everything that is gone happened before this */
  constructor(cursor: string, before: Date | null) {
    super(
      `after: the cursor ${cursor} is too old: events that came after it were removed${before === null ? '' : `, all of them from before ${before.toISOString()}`}. Ask for eventCursor, read the state, and subscribe after that cursor; or subscribe without a cursor, from now on.`,
    )
  }
}

/** There is no such object, or it is not visible to the viewer. */
export class NotFoundError extends DomainError {
  override readonly name = 'NotFoundError'
  override readonly code = 'NOT_FOUND'
  constructor(noun: string, id: string) {
    super(`There is no ${noun} with the id "${id.slice(0, 100)}" that you can see.`)
  }
}

export const roles = ['VIEWER', 'AUTHOR', 'REVIEWER', 'ADMIN'] as const
export type Role = (typeof roles)[number]

export class ForbiddenError extends DomainError {
  override readonly name = 'ForbiddenError'
  override readonly code = 'FORBIDDEN'
  readonly requiredRole: Role | null
  constructor(message: string, requiredRole: Role | null = null) {
    super(message)
    this.requiredRole = requiredRole
  }
}

/** The object is in a state from which this is not possible. */
export class InvalidTransitionError extends DomainError {
  override readonly name = 'InvalidTransitionError'
  override readonly code = 'INVALID_TRANSITION'
  readonly from: string
  readonly to: string
  constructor(noun: string, from: string, to: string, hint = '') {
    super(`The ${noun} is ${from} and cannot become ${to}.${hint && ` ${hint}`}`)
    this.from = from
    this.to = to
  }
}

export const patchRejections = [
  'EMPTY',
  'MALFORMED',
  'TOO_LARGE',
  'UNSAFE_PATH',
  'RESERVED_PATH',
  'SYMLINK',
  'DOES_NOT_APPLY',
  'HEADERS_LIE',
  'NO_CHANGE',
] as const
export type PatchRejection = (typeof patchRejections)[number]

/** The patch does not apply, is malformed, or leaves its repository. Nothing was stored. */
export class PatchRejectedError extends DomainError {
  override readonly name = 'PatchRejectedError'
  override readonly code = 'PATCH_REJECTED'
  readonly reason: PatchRejection
  readonly path: string | null
  /** Counts from 1 within the file; null when no hunk is to blame. */
  readonly hunk: number | null
  /** The verbatim message of git, or what our own check saw. */
  readonly details: string
  constructor(
    reason: PatchRejection,
    message: string,
    where: { path?: string | null; hunk?: number | null; details?: string } = {},
  ) {
    super(message)
    this.reason = reason
    this.path = where.path ?? null
    this.hunk = where.hunk ?? null
    this.details = where.details ?? message
  }
}

/** The resulting code does not parse. */
export class SyntaxRejectedError extends DomainError {
  override readonly name = 'SyntaxRejectedError'
  override readonly code = 'SYNTAX_REJECTED'
  readonly path: string
  readonly line: number | null
  /** The parser's own message. */
  readonly details: string
  constructor(path: string, line: number | null, details: string) {
    super(`${path}${line === null ? '' : `, line ${line}`}: the resulting code does not parse: ${details}`)
    this.path = path
    this.line = line
    this.details = details
  }
}

/** The target branch has moved since the diff's base commit. */
export class BaseDriftError extends DomainError {
  override readonly name = 'BaseDriftError'
  override readonly code = 'BASE_DRIFT'
  readonly expected: string
  readonly actual: string
  constructor(branch: string, expected: string, actual: string) {
    super(`The branch ${branch} was expected at ${expected} and is at ${actual}.`)
    this.expected = expected
    this.actual = actual
  }
}

/** The target branch and the change alter the same lines; a person has to decide. */
export class RebaseConflictError extends DomainError {
  override readonly name = 'RebaseConflictError'
  override readonly code = 'REBASE_CONFLICT'
  readonly paths: readonly string[]
  constructor(branch: string, paths: readonly string[]) {
    super(`The change conflicts with what is on ${branch} now, in ${paths.join(', ')}. Make it again on the branch.`)
    this.paths = paths
  }
}

/** What was approved is not what would be committed, or approvals are missing. */
export class ApprovalRequiredError extends DomainError {
  override readonly name = 'ApprovalRequiredError'
  override readonly code = 'APPROVAL_REQUIRED'
  readonly missing: readonly string[]
  constructor(missing: readonly string[]) {
    super(`This cannot be committed: ${missing.join('; ')}.`)
    this.missing = missing
  }
}

/** No isolation to run untrusted code in. */
export class SandboxUnavailableError extends DomainError {
  override readonly name = 'SandboxUnavailableError'
  override readonly code = 'SANDBOX_UNAVAILABLE'
}

/** A remote could not be reached, or what it has cannot be taken. */
export class RemoteError extends DomainError {
  override readonly name = 'RemoteError'
  override readonly code = 'REMOTE'
  /** git's own words. */
  readonly details: string
  constructor(message: string, details: string) {
    super(message)
    this.details = details
  }
}

/** A project's source (URL or archive) is one that is not allowed. */
export class SourceRejectedError extends DomainError {
  override readonly name = 'SourceRejectedError'
  override readonly code = 'SOURCE_REJECTED'
}

/** A model did not do what it was asked for; nothing has changed. */
export class ModelFailedError extends DomainError {
  override readonly name = 'ModelFailedError'
  override readonly code = 'MODEL_FAILED'
  /** A stable word: the provider's, or ours for what we refused. */
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** A limit on money or tokens would be overshot. */
export class BudgetExceededError extends DomainError {
  override readonly name = 'BudgetExceededError'
  override readonly code = 'BUDGET_EXCEEDED'
  readonly budgetId: string
  constructor(budgetId: string, message: string) {
    super(message)
    this.budgetId = budgetId
  }
}

/** There is as much unfinished work as may be. Nothing was stored. */
export class CapacityError extends DomainError {
  override readonly name = 'CapacityError'
  override readonly code = 'CAPACITY'
  /** After about how long there will be room; null when nobody can say. */
  readonly retryAfterSeconds: number | null
  constructor(message: string, retryAfterSeconds: number | null) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The queues' backend does not answer, so nobody can say what is in it. */
export class QueueUnavailableError extends DomainError {
  override readonly name = 'QueueUnavailableError'
  override readonly code = 'QUEUE_UNAVAILABLE'
  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`The queues cannot be looked at: ${why} Work that was asked for is kept, and goes on once they are back.`)
  }
}
