/**
 * A repository while it is being made: under a name of its own, so that what has a project's name is whole, and is
 * replaced by nobody. Any number of processes, on any number of machines, may make one project's at once.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isUuid } from './branch-names.ts'

/** What the directories of drafts begin with; those of killed processes are known by their age. */
export const draftPrefix = '.new-'

const word = 'new-'

/** The configuration file with which every repository begins. */
const repositorySettings = `[transfer]
\thideRefs = refs/countersign
[core]
\thooksPath = /dev/null
[gc]
\tauto = 0
`

/** In one step: another process may be making a repository from it at this moment. */
export function writeTemplate(directory: string): void {
  const file = join(directory, 'config')
  try {
    if (readFileSync(file, 'utf8') === repositorySettings) return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Beside the template: git would copy what is in it.
  const part = `${directory}-${randomUUID()}`
  writeFileSync(part, repositorySettings)
  renameSync(part, file)
}

export function newDraft(): string {
  return `${word}${randomUUID()}`
}

/** Null for a name that is no draft's. */
export function draftDirectory(root: string, name: string): string | null {
  return name.startsWith(word) && isUuid(name.slice(word.length)) ? join(root, `.${name}`) : null
}

/**
 * Gives a finished repository its name. The file system decides: a directory is renamed to a name that is free, or to
 * none.
 * @param isWhole whether what has the name has a first commit; only what a loss of power left has none, and gives way
 * @returns false when the name is taken
 */
export async function publishDraft(
  root: string,
  draft: string,
  directory: string,
  isWhole: () => Promise<boolean>,
): Promise<boolean> {
  if (await renamed(draft, directory)) return true
  if (await isWhole()) return false
  const broken = join(root, `${draftPrefix}${randomUUID()}`)
  await rename(directory, broken)
  await rm(broken, { recursive: true, force: true })
  return await renamed(draft, directory)
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
