import { AsyncLocalStorage } from 'node:async_hooks'

/** What a piece of work is, in every line that is logged while it is under way. */
export interface LogContext {
  /** The request that is answered: the client's own `x-request-id`, or one that was made. */
  readonly requestId?: string
  /** The name of the job that is done. */
  readonly job?: string
  readonly jobId?: string
  /** The trace that the work is a part of, while traces are on. */
  readonly traceId?: string
}

const storage = new AsyncLocalStorage<LogContext>()

/** Does a piece of work; lines that are logged meanwhile have these fields beside those that were there. */
export const withLogContext = <Result>(fields: LogContext, work: () => Result): Result =>
  storage.run({ ...storage.getStore(), ...fields }, work)

/** The fields of the work that is under way here. */
export const logContext = (): LogContext => storage.getStore() ?? {}
