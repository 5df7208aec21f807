import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkspaceChange } from '../../domain/ports/sandbox.ts'

export interface PlannedFile {
  readonly path: string
  readonly content: Buffer | string
  readonly isExecutable: boolean
}

/** What a workspace's changes come to on the directories that lie below them. */
export interface PlannedChanges {
  /** Laid over what is there; none of them is below another, and they hide whatever has their or their parents' names. */
  readonly files: readonly PlannedFile[]
  /** Taken out of what is below. Each is there, in true directories all the way, and none holds one of the files. */
  readonly removals: readonly string[]
  /** What is below and in the way: at the names of the files, or no directory at the names of their parents. */
  readonly hidden: readonly string[]
}

interface Plan {
  readonly files: PlannedFile[]
  readonly removals: string[]
  readonly hidden: string[]
}

/** A place that changes name. */
interface Place {
  /** It has nothing of what is below it. */
  isReplaced: boolean
  /** A file was put under it, so that what is below it and no directory has gone. */
  isDirectory: boolean
  file: PlannedFile | null
  children: Map<string, Place>
}

/**
 * Orders changes, of which a later one goes before an earlier one, and looks what is there already. No link is followed.
 * @param lowers the directories below, the topmost first
 */
export async function planChanges(
  lowers: readonly string[],
  changes: readonly WorkspaceChange[],
): Promise<PlannedChanges> {
  const root = newPlace()
  for (const change of changes) place(root, change)
  const plan: Plan = { files: [], removals: [], hidden: [] }
  await settle(root, '', lowers, false, plan)
  return plan
}

function newPlace(): Place {
  return { isReplaced: false, isDirectory: false, file: null, children: new Map() }
}

function place(root: Place, { path, content, isExecutable = false }: WorkspaceChange): void {
  let at = root
  for (const name of path.split('/')) {
    if (content !== null) at.isDirectory = true
    if (content !== null) at.file = null
    // Nothing is under a file that could be taken out.
    else if (at.file !== null) return
    const next = at.children.get(name) ?? newPlace()
    at.children.set(name, next)
    at = next
  }
  at.isReplaced = true
  at.isDirectory = false
  at.file = content === null ? null : { path, content, isExecutable }
  at.children.clear()
}

/** @param directories what lies at this place's parent, the topmost first */
async function settle(
  parent: Place,
  prefix: string,
  directories: readonly string[],
  isReplaced: boolean,
  plan: Plan,
): Promise<void> {
  for (const [name, child] of parent.children) {
    const path = `${prefix}${name}`
    const below = await lookUp(directories, name)
    if (child.file !== null) {
      plan.files.push(child.file)
      if (below.isThere) plan.hidden.push(path)
      continue
    }
    const isGone = isReplaced || child.isReplaced
    const isInTheWay = below.isThere && below.directories.length === 0 && child.isDirectory
    if (!hasFile(child) && (isGone || isInTheWay)) {
      if (below.isThere) plan.removals.push(path)
      continue
    }
    if (isInTheWay) plan.hidden.push(path)
    await settle(child, `${path}/`, below.directories, isGone, plan)
  }
  // A directory that was taken out and then made anew shows what is below it, unless that is taken out name by name.
  if (!isReplaced) return
  const names = await Promise.all(directories.map((directory) => readdir(directory)))
  for (const name of new Set(names.flat())) if (!parent.children.has(name)) plan.removals.push(`${prefix}${name}`)
}

function hasFile({ file, children }: Place): boolean {
  return file !== null || children.values().some(hasFile)
}

/** What has that name in directories that lie over each other: the first of them hides the others unless all are directories. */
async function lookUp(
  directories: readonly string[],
  name: string,
): Promise<{ readonly isThere: boolean; readonly directories: readonly string[] }> {
  const found: string[] = []
  for (const directory of directories) {
    const path = join(directory, name)
    const kind = await kindOf(path)
    if (kind === 'other') return { isThere: true, directories: found }
    if (kind === 'directory') found.push(path)
  }
  return { isThere: found.length > 0, directories: found }
}

async function kindOf(path: string): Promise<'directory' | 'other' | 'absent'> {
  try {
    return (await lstat(path)).isDirectory() ? 'directory' : 'other'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent'
    throw error
  }
}
