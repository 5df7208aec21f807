import { InvalidTransitionError } from '../errors.ts'

/**
 * The guard over a lifecycle's table: the only way to get a new status. Pure.
 * @returns (from, to, hint) => to
 * @throws InvalidTransitionError when the table has no such step
 */
export const createTransition =
  <Status extends string>(noun: string, table: Readonly<Record<Status, readonly Status[]>>) =>
  (from: Status, to: Status, hint?: string): Status => {
    if (!table[from].includes(to)) throw new InvalidTransitionError(noun, from, to, hint)
    return to
  }
