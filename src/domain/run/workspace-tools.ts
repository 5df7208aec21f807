import { z } from 'zod'
import { DomainError } from '../errors.ts'
import type { ToolDefinition } from '../ports/model-provider.ts'
import { cut } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { modelSchema } from './model-schema.ts'
import { readText, refuse, succeed, type ToolResult, type Workspace } from './workspace.ts'

/** A tool that an agent may use on its workspace. Its errors are words that the model reads. */
export interface Tool {
  readonly definition: ToolDefinition
  run(services: Services, workspace: Workspace, args: unknown, signal: AbortSignal): Promise<ToolResult>
}

const maxFileCharacters = 100_000
const maxMatches = 100
const maxSearchedBytes = 1_000_000

/** A directory's path without what models like to put around it; empty for the root. */
const directoryPath = (given: string): string => given.replace(/^(\.\/+)+|^\.$/, '').replace(/\/+$/, '')

const path = z.string().max(4_096).describe('A path from the root of the workspace, with / between names.')

/** Declares a tool with its arguments' schema: one source for what the model is told and what is accepted. */
export const defineTool = <Args>(
  name: string,
  description: string,
  schema: z.ZodType<Args>,
  run: (services: Services, workspace: Workspace, args: Args, signal: AbortSignal) => Promise<ToolResult>,
): Tool => ({
  definition: { name, description, parameters: modelSchema(schema) },
  async run(services, workspace, args, signal) {
    const parsed = schema.safeParse(args)
    if (!parsed.success) return refuse(workspace, `The arguments are not valid: ${z.prettifyError(parsed.error)}`)
    try {
      return await run(services, workspace, parsed.data, signal)
    } catch (error) {
      if (error instanceof DomainError) return refuse(workspace, error.message)
      throw error
    }
  },
})

const readFile = defineTool(
  'read_file',
  'Reads a text file. Lines count from 1; null reads from the start or to the end.',
  z.strictObject({
    path,
    startLine: z.number().int().min(1).nullable(),
    endLine: z.number().int().min(1).nullable(),
  }),
  async (services, workspace, args) => {
    const text = await readText(services, workspace, args.path)
    if (text === undefined) return refuse(workspace, `There is no file at ${args.path}.`)
    if (text.includes('\u0000')) return refuse(workspace, `${args.path} is a binary file.`)
    const lines = text.split('\n')
    const wanted = lines.slice((args.startLine ?? 1) - 1, args.endLine ?? lines.length).join('\n')
    return succeed(workspace, cut(wanted, maxFileCharacters))
  },
)

const listDirectory = defineTool(
  'list_dir',
  'Lists one directory; the empty path is the root. Directories end in /.',
  z.strictObject({ path }),
  async (services, workspace, args) => {
    const directory = directoryPath(args.path)
    const entries = await services.git.entries(workspace.projectId, workspace.tree, directory)
    if (entries.length === 0) {
      // git has no empty directories, but for the root.
      return directory === ''
        ? succeed(workspace, '(empty)')
        : refuse(workspace, `There is no directory at ${args.path}.`)
    }
    return succeed(
      workspace,
      entries.map((entry) => (entry.kind === 'tree' ? `${entry.path}/` : entry.path)).join('\n'),
    )
  },
)

const search = defineTool(
  'search',
  'Finds lines that contain a text, in all files or below a path. Answers path:line: text.',
  z.strictObject({ text: z.string().min(1).max(500), path: path.nullable() }),
  async (services, workspace, args, signal) => {
    const found: string[] = []
    const below = directoryPath(args.path ?? '')
    for (const entry of await services.git.listFiles(workspace.projectId, workspace.tree)) {
      signal.throwIfAborted()
      if (below !== '' && entry.path !== below && !entry.path.startsWith(`${below}/`)) continue
      if (entry.size === null || entry.size > maxSearchedBytes) continue
      const text = await readText(services, workspace, entry.path)
      if (!text?.includes(args.text) || text.includes('\u0000')) continue
      for (const [index, line] of text.split('\n').entries()) {
        if (!line.includes(args.text)) continue
        found.push(`${entry.path}:${index + 1}: ${line.slice(0, 300)}`)
        if (found.length === maxMatches) return succeed(workspace, `${found.join('\n')}\n[there may be more matches]`)
      }
    }
    return succeed(workspace, found.join('\n') || 'No line contains this text.')
  },
)

const writeFile = defineTool(
  'write_file',
  'Writes a whole text file, new or in place of the old one.',
  z.strictObject({ path, content: z.string().max(1_000_000) }),
  async (services, workspace, args) => {
    const change = { path: args.path, content: Buffer.from(args.content) }
    return succeed(
      workspace,
      `Wrote ${args.path}.`,
      await services.git.changeTree(workspace.projectId, workspace.tree, [change]),
    )
  },
)

const editFile = defineTool(
  'edit_file',
  'Replaces one piece of a text file. oldText must occur exactly once.',
  z.strictObject({ path, oldText: z.string().min(1), newText: z.string() }),
  async (services, workspace, args) => {
    const file = await services.git.readFile(workspace.projectId, workspace.tree, args.path)
    if (!file) return refuse(workspace, `There is no file at ${args.path}.`)
    // On the bytes: what is no UTF-8 elsewhere in the file stays as it is.
    const before = file.content
    const oldText = Buffer.from(args.oldText)
    const at = before.indexOf(oldText)
    if (at === -1)
      return refuse(workspace, `oldText does not occur in ${args.path}. Read the file and copy the text exactly.`)
    if (before.indexOf(oldText, at + 1) !== -1) {
      return refuse(workspace, `oldText occurs more than once in ${args.path}. Give more of what surrounds it.`)
    }
    const content = Buffer.concat([
      before.subarray(0, at),
      Buffer.from(args.newText),
      before.subarray(at + oldText.length),
    ])
    const tree = await services.git.changeTree(workspace.projectId, workspace.tree, [{ path: args.path, content }])
    return succeed(workspace, `Changed ${args.path}.`, tree)
  },
)

/** The tools that need nothing but the workspace. */
export const workspaceTools: readonly Tool[] = [readFile, listDirectory, search, writeFile, editFile]
