import type { TreeFile } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import type { Workspace } from './workspace.ts'

/** What tools read and change as a whole, in bytes. */
export const maxFileBytes = 5 * 1_024 * 1_024

const maxSuggestions = 5
const maxLookedThrough = 50_000

/** A name as one line of a list: a line end or an invisible character in it is shown, not acted on. */
export const shownPath = (path: string): string =>
  /[\p{C}\p{Zl}\p{Zp}]/u.test(path)
    ? JSON.stringify(path).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)
    : path

/** What a tool refuses to do, in words for the model. */
interface Refusal {
  readonly refusal: string
}

interface WorkspaceFile {
  readonly content: Buffer
}

const linkMode = '120000'
const submoduleMode = '160000'

const firstBelow = async (
  { git }: Services,
  { projectId, tree }: Workspace,
  prefix: string,
): Promise<TreeFile | undefined> => {
  for await (const file of git.files(projectId, tree, { prefix: Buffer.from(prefix) })) return file
  return undefined
}

const fold = (name: string): string => name.normalize('NFC').toLowerCase()

/** Files of the same name elsewhere, or of one that differs in case or in how its characters are composed. */
const namesakes = async ({ git }: Services, { projectId, tree }: Workspace, path: string): Promise<string[]> => {
  const wanted = fold(path.split('/').at(-1) ?? '')
  const found: string[] = []
  let seen = 0
  for await (const { pathBytes } of git.files(projectId, tree)) {
    const name = pathBytes.toString('utf8')
    if (fold(name.split('/').at(-1) ?? '') === wanted) found.push(shownPath(name))
    if (found.length === maxSuggestions || ++seen === maxLookedThrough) break
  }
  return found
}

const missing = async (services: Services, workspace: Workspace, path: string): Promise<string> => {
  const shown = shownPath(path)
  if (await firstBelow(services, workspace, `${path.replace(/\/+$/, '')}/`)) {
    return `There is no file at ${shown}: it is a directory.`
  }
  const others = await namesakes(services, workspace, path)
  return others.length === 0
    ? `There is no file at ${shown}. Paths are names from the root of the workspace; list_dir shows what there is.`
    : `There is no file at ${shown}. There is: ${others.join(', ')}.`
}

/**
 * A file of the workspace, as a tool may read it: never what a link leads to, and never in memory before its size is
 * known.
 */
export const openFile = async (
  services: Services,
  workspace: Workspace,
  path: string,
): Promise<WorkspaceFile | Refusal> => {
  const file = await firstBelow(services, workspace, path)
  if (!file?.pathBytes.equals(Buffer.from(path))) return { refusal: await missing(services, workspace, path) }
  const shown = shownPath(path)
  if (file.mode === linkMode) return { refusal: `${shown} is a symbolic link; links are not followed.` }
  if (file.mode === submoduleMode) return { refusal: `${shown} is a submodule; its files are not here.` }
  for await (const { size, content } of services.git.contents(workspace.projectId, [file.objectId])) {
    if (size > maxFileBytes) {
      return { refusal: `${shown} has ${size} bytes, and tools read and edit files of up to ${maxFileBytes}.` }
    }
    return { content: Buffer.concat(await Array.fromAsync(content)) }
  }
  throw new Error(`The content of ${shown} was not found.`)
}
