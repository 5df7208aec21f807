import type { Logger } from '../../domain/shared/services.ts'

/** @returns what the work gives, or undefined where it threw */
type Attempt = <Result>(work: () => Result) => Result | undefined

/**
 * Does what is there for traces alone. What it throws is said in the log, once for the process, and reaches nobody else:
 * the work that is traced was asked for, and may have been paid for.
 */
export const createAttempt = (log: Logger): Attempt => {
  let hasTold = false
  return (work) => {
    try {
      return work()
    } catch (error) {
      if (!hasTold) {
        hasTold = true
        log.warn({ error }, 'a part of a trace cannot be recorded, and is left out: what follows of this is not said')
      }
      return undefined
    }
  }
}
