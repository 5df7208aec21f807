import { fences } from './pages.ts'

/** One command of a page: all its lines, as they stand there. */
export interface ShellCommand {
  readonly page: string
  readonly text: string
}

/** Whether the shell would go on reading: in quotes, after a backslash, in a function or in a here-document. */
const isOpen = (text: string): boolean => {
  if (/\\$/.test(text)) return true
  const [, word] = /<<'?(\w+)'?/.exec(text) ?? []
  if (word !== undefined) return !text.endsWith(`\n${word}`)
  const bare = text
    .replaceAll(/ # .*$/gm, '')
    .replaceAll(/\\./g, '')
    .replaceAll(/'[^']*'/g, '')
    .replaceAll(/"[^"]*"/g, '')
  return /['"]/.test(bare) || /\{$/.test(bare) || (/\{\n/.test(bare) && !/\n\}$/.test(bare))
}

/** The commands in the fenced `sh` blocks of a page, in order. */
export const shellCommands = (page: string): readonly ShellCommand[] =>
  fences(page).flatMap(({ language, text }) => {
    if (language !== 'sh') return []
    const commands: string[] = []
    let open = ''
    for (const line of text.trimEnd().split('\n')) {
      open = open === '' ? line.trim() : `${open}\n${line}`
      if (isOpen(open)) continue
      if (open !== '') commands.push(open)
      open = ''
    }
    return [...commands, ...(open === '' ? [] : [open])].map((command) => ({ page, text: command }))
  })
