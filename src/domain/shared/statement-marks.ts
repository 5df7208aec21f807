/**
 * What a statement's text may begin with, for the connection that sends it: see src/adapters/db/statements-together.ts.
 * A mark has a name of its own for each text, and a marked text is always the same but for its values.
 */

/** The database parses and plans it once for each connection. */
export const prepared = (name: string): string => `/* prepared ${name} */ `

/**
 * The same, and inside a transaction it is sent with the statement that comes next: nobody waits for it. What it gives
 * is not told; where it fails, the next one fails with its error and is not done. Its values are strings.
 */
export const withNext = (name: string): string => `/* with next ${name} */ `

/** Reads a mark; the name is that of the statement. */
export const markOf = (text: string): { readonly name: string; readonly isWithNext: boolean } | undefined => {
  if (!text.startsWith('/* ')) return undefined
  const [, kind, name] = /^\/\* (prepared|with next) ([a-z-]+) \*\/ /.exec(text) ?? []
  return name === undefined ? undefined : { name, isWithNext: kind === 'with next' }
}

/**
 * A condition that always holds. The commit of a statement that has it is not waited for on the disk: for what may be
 * lost with the database's machine as it may be lost with ours. It is seen by everybody at once all the same.
 */
export const notFlushed = "(select set_config('synchronous_commit', 'off', true)) = 'off'"
