import { z } from 'zod'
import type { Services } from '../shared/services.ts'
import { defineTool, pathArgument } from './tool.ts'
import { refuse, succeed, type ToolResult, type Workspace } from './workspace.ts'
import { openFile, shownPath } from './workspace-files.ts'

const maxTextCharacters = 1_000_000
const maxNamedLines = 10

const change = async (
  services: Services,
  workspace: Workspace,
  path: string,
  content: Buffer | null,
  words: string,
): Promise<ToolResult> => {
  const tree = await services.git.changeTree(workspace.projectId, workspace.tree, [{ path, content }])
  return succeed(workspace, tree === workspace.tree ? `${shownPath(path)} had this content already.` : words, tree)
}

export const writeFile = defineTool(
  'write_file',
  'Writes a whole text file, new or in place of the old one.',
  z.strictObject({ path: pathArgument, content: z.string().max(maxTextCharacters) }),
  (services, workspace, { path, content }) =>
    change(services, workspace, path, Buffer.from(content), `Wrote ${shownPath(path)}.`),
)

export const deleteFile = defineTool(
  'delete_file',
  'Deletes a file. A directory is gone with its last file.',
  z.strictObject({ path: pathArgument }),
  (services, workspace, { path }) => change(services, workspace, path, null, `Deleted ${shownPath(path)}.`),
)

/** Where a text begins in a content, also where two of its places overlap; at most so many. */
const placesOf = (content: Buffer, text: Buffer, most: number): number[] => {
  const places: number[] = []
  for (let at = content.indexOf(text); at !== -1 && places.length < most; at = content.indexOf(text, at + 1)) {
    places.push(at)
  }
  return places
}

const lineOf = (content: Buffer, at: number): number => content.subarray(0, at).toString('latin1').split('\n').length

const withCrlf = (text: string): string => text.replace(/\r?\n/g, '\r\n')

export const editFile = defineTool(
  'edit_file',
  'Replaces one piece of a text file. oldText must occur exactly once.',
  z.strictObject({
    path: pathArgument,
    oldText: z.string().min(1).max(maxTextCharacters),
    newText: z.string().max(maxTextCharacters),
  }),
  async (services, workspace, args) => {
    const file = await openFile(services, workspace, args.path)
    if ('refusal' in file) return refuse(workspace, file.refusal)
    const shown = shownPath(args.path)
    // On the bytes: what is no UTF-8 elsewhere in the file stays as it is.
    const { content } = file
    let { oldText, newText } = args
    let places = placesOf(content, Buffer.from(oldText), maxNamedLines)
    if (places.length === 0 && content.includes('\r\n')) {
      // Models write \n, also for a file that they were shown with \r\n; it keeps its own line ends.
      oldText = withCrlf(oldText)
      newText = withCrlf(newText)
      places = placesOf(content, Buffer.from(oldText), maxNamedLines)
    }
    const [at] = places
    if (at === undefined) {
      return refuse(workspace, `oldText does not occur in ${shown}. Read the file and copy the text exactly.`)
    }
    if (places.length > 1) {
      const lines = [...new Set(places.map((place) => lineOf(content, place)))].join(', ')
      return refuse(
        workspace,
        `oldText occurs more than once in ${shown}, at line ${lines}. Give more of what surrounds it.`,
      )
    }
    const rest = content.subarray(at + Buffer.byteLength(oldText))
    const changed = Buffer.concat([content.subarray(0, at), Buffer.from(newText), rest])
    return change(services, workspace, args.path, changed, `Changed ${shown}.`)
  },
)
