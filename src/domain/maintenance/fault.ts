/** What is wrong with what is stored, and what can be done about it. */
export interface Fault {
  readonly projectId: string
  /** What it is about, in one or two words: `diff`, `branch`, `reference`. */
  readonly what: string
  /** The row's id, or the name of what has none; null for the project itself. */
  readonly id: string | null
  /** A sentence. */
  readonly problem: string
  /** A sentence. */
  readonly remedy: string
}

export type FaultWords = Omit<Fault, 'projectId'>

/** What a check finds; that it cannot be made is a finding too. */
export const orFault = async (
  what: string,
  id: string | null,
  check: () => Promise<readonly FaultWords[]>,
): Promise<readonly FaultWords[]> => {
  try {
    return await check()
  } catch (error) {
    const problem = `It could not be checked: ${(error as Error).message}`
    return [{ what, id, problem, remedy: 'Heal what else is reported of the project, and check again.' }]
  }
}

export const restore =
  'Restore the database and the data directory from backups of the same time; a clone of the project may have the object too.'

export const rowRemedy =
  'The row was changed behind the back of the server, or the reference was: restore the one that was changed from a backup.'
