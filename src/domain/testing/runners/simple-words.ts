const word = `"[^"]*"|'[^']*'|[^\\s"']+`
const line = new RegExp(`^\\s*(?:${word})(?:\\s+(?:${word}))*\\s*$`)
/** Where a shell would do more than split a line at its blanks. */
const shellWork = /[`$\\;&|<>(){}[\]#~!\r\n]/

/**
 * The words of a command line as a shell would split it; null where that takes a shell. A pattern of names stays as it
 * is written: the runners look it up themselves.
 */
export const simpleWords = (text: string): readonly string[] | null => {
  if (shellWork.test(text) || !line.test(text)) return null
  const words = [...text.matchAll(new RegExp(word, 'g'))].map(([found]) => found.replace(/^(["'])(.*)\1$/, '$2'))
  // A variable that is set for the command alone.
  return words[0]?.includes('=') ? null : words
}
