import { z } from 'zod'
import type { TreeFile } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import { defineTool, directoryPath, pathArgument } from './tool.ts'
import { succeed, type Workspace } from './workspace.ts'
import { maxFileBytes, shownPath } from './workspace-files.ts'

const maxMatches = 100
const maxShownLine = 300
const maxSearchedBytes = 200 * 1_024 * 1_024
const maxSearchMs = 10_000

const isPlainFile = ({ mode }: TreeFile): boolean => mode === '100644' || mode === '100755'

const filesBelow = async ({ git }: Services, { projectId, tree }: Workspace, below: string): Promise<TreeFile[]> => {
  const files: TreeFile[] = []
  for await (const file of git.files(projectId, tree, { prefix: Buffer.from(below) })) {
    const path = file.pathBytes
    const isBelow = below === '' || path.length === Buffer.byteLength(below) || path[Buffer.byteLength(below)] === 0x2f
    if (isBelow && isPlainFile(file)) files.push(file)
  }
  return files
}

/** The lines of a content that have the text, at most so many, each with its number. */
const matchingLines = (content: Buffer, text: Buffer, most: number): string[] => {
  const found: string[] = []
  let line = 1
  let counted = 0
  for (let at = content.indexOf(text); at !== -1 && found.length < most; ) {
    for (let end = content.indexOf(0x0a, counted); end !== -1 && end < at; end = content.indexOf(0x0a, counted)) {
      line += 1
      counted = end + 1
    }
    const end = content.indexOf(0x0a, at)
    const whole = content.subarray(counted, end === -1 ? content.length : end).toString('utf8')
    found.push(`${line}: ${whole.replace(/\r$/, '').slice(0, maxShownLine).toWellFormed()}`)
    if (end === -1) break
    at = content.indexOf(text, end + 1)
  }
  return found
}

/**
 * Looks for a plain text and takes no pattern: an expression that a model writes could keep the process busy for ever.
 * Files come one after the other from one git process; bytes and time are bounded, and what was left out is said.
 */
export const search = defineTool(
  'search',
  'Finds lines that contain a text (no pattern), in all files or below a path. Answers path:line: text.',
  z.strictObject({ text: z.string().min(1).max(500), path: pathArgument.nullable() }),
  async (services, workspace, args, signal) => {
    const files = await filesBelow(services, workspace, directoryPath(args.path ?? ''))
    const text = Buffer.from(args.text)
    const found: string[] = []
    const until = performance.now() + maxSearchMs
    let place = 0
    let searched = 0
    let tooLarge = 0
    const note = () => {
      if (found.length >= maxMatches) return ['[there may be more matches]']
      if (place < files.length) return [`[stopped after ${place} of ${files.length} files: search below a directory]`]
      return tooLarge > 0 ? [`[${tooLarge} files of more than ${maxFileBytes} bytes were not searched]`] : []
    }
    const ids = files.map(({ objectId }) => objectId)
    for await (const { size, content } of services.git.contents(workspace.projectId, ids)) {
      signal.throwIfAborted()
      if (found.length >= maxMatches || searched > maxSearchedBytes || performance.now() > until) break
      const file = files[place++]
      if (size > maxFileBytes) tooLarge += 1
      if (size > maxFileBytes || !file) continue
      searched += size
      const bytes = Buffer.concat(await Array.fromAsync(content))
      if (bytes.includes(0)) continue
      const path = shownPath(file.pathBytes.toString('utf8'))
      found.push(...matchingLines(bytes, text, maxMatches - found.length).map((line) => `${path}:${line}`))
    }
    const lines = [...(found.length > 0 ? found : ['No line contains this text.']), ...note()]
    return succeed(workspace, lines.join('\n'))
  },
)
