/** A repository as time leaves it: made older by its files' dates, and looked at from outside. */

import { lstat, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes everything in a directory older. */
export const makeOlder = async (directory: string, milliseconds: number): Promise<void> => {
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name)
    const { mtimeMs } = await lstat(path)
    const then = new Date(mtimeMs - milliseconds)
    await utimes(path, then, then)
  }
}

/** How many objects a repository has, wherever they are, by what `git count-objects -v` says. */
export const countedObjects = (
  counted: string,
): { readonly loose: number; readonly all: number; readonly packs: number } => {
  const number = (name: string) => Number(counted.match(new RegExp(`^${name}: (\\d+)$`, 'm'))?.[1])
  return { loose: number('count'), all: number('count') + number('in-pack'), packs: number('packs') }
}
