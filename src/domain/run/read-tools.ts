import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { defineTool, directoryPath, pathArgument } from './tool.ts'
import { refuse, succeed } from './workspace.ts'
import { openFile, shownPath } from './workspace-files.ts'

// With the notes below what the agent loop keeps of a result, so that no note is cut off.
const maxShownCharacters = 50_000
const maxShownEntries = 1_000

/** As many whole lines as may be shown, and how the rest is to be had. */
const shownLines = (lines: readonly string[], start: number, end: number): string => {
  const wanted = lines.slice(start - 1, end)
  const text = wanted.join('\n')
  if (text.length <= maxShownCharacters) return text
  let count = 0
  for (let length = 0; count < wanted.length; count++) {
    length += (wanted[count]?.length ?? 0) + 1
    if (length > maxShownCharacters) break
  }
  if (count === 0) {
    const [line = ''] = wanted
    const shown = line.slice(0, maxShownCharacters).toWellFormed()
    return `${shown}\n[line ${start} has ${line.length} characters, of which these are the first ${maxShownCharacters}]`
  }
  const last = start + count - 1
  return `${wanted.slice(0, count).join('\n')}\n[lines ${start} to ${last} of ${lines.length}; the next begin with startLine ${last + 1}]`
}

export const readFile = defineTool(
  'read_file',
  'Reads a text file. Lines count from 1; null reads from the start or to the end. What is too long to be shown at once is read by ranges.',
  z.strictObject({
    path: pathArgument,
    startLine: z.number().int().min(1).nullable(),
    endLine: z.number().int().min(1).nullable(),
  }),
  async (services, workspace, args) => {
    const file = await openFile(services, workspace, args.path)
    if ('refusal' in file) return refuse(workspace, file.refusal)
    const shown = shownPath(args.path)
    if (file.content.includes(0)) return refuse(workspace, `${shown} is a binary file.`)
    const lines = file.content.toString('utf8').split('\n')
    // A line end at the end of the file ends its last line; no other begins there.
    const count = lines.at(-1) === '' ? lines.length - 1 : lines.length
    const start = args.startLine ?? 1
    const end = args.endLine ?? lines.length
    if (end < start) return refuse(workspace, `endLine ${end} is before startLine ${start}.`)
    if (start > Math.max(count, 1)) return refuse(workspace, `${shown} has ${count} lines.`)
    const text = shownLines(lines, start, end)
    return succeed(
      workspace,
      isUtf8(file.content)
        ? text
        : `${text}\n[bytes that are not UTF-8 are shown as \ufffd; edit_file leaves them as they are]`,
    )
  },
)

const marks: Readonly<Record<string, string>> = { '120000': ' (symbolic link)', '160000': ' (submodule)' }

export const listDirectory = defineTool(
  'list_dir',
  'Lists one directory; the empty path is the root. Directories end in /.',
  z.strictObject({ path: pathArgument }),
  async (services, workspace, args) => {
    const directory = directoryPath(args.path)
    const entries = await services.git.entries(workspace.projectId, workspace.tree, directory)
    if (entries.length === 0) {
      // git has no empty directories, but for the root.
      return directory === ''
        ? succeed(workspace, '(empty)')
        : refuse(workspace, `There is no directory at ${shownPath(args.path)}.`)
    }
    const lines = entries
      .slice(0, maxShownEntries)
      .map(({ path, kind, mode }) => `${shownPath(path)}${kind === 'tree' ? '/' : (marks[mode] ?? '')}`)
    const rest = entries.length - lines.length
    if (rest > 0) lines.push(`[${rest} more; search finds files by what is in them]`)
    return succeed(workspace, lines.join('\n'))
  },
)
