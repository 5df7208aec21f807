import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isLeftover, markedName } from './process-mark.ts'
import { removeTree } from './remove-tree.ts'

const PREFIX = 'ws'

/**
 * Makes a fresh directory under `root`, hands it to `use`, and removes it whatever happened and whatever was left in it.
 * @throws what `use` throws; the file system's error when the directory cannot be removed
 */
export async function withScratch<T>(root: string, use: (directory: string) => Promise<T>): Promise<T> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const directory = join(root, markedName(PREFIX))
  await mkdir(directory, { mode: 0o700 })
  try {
    return await use(directory)
  } finally {
    await removeTree(directory)
  }
}

/** Removes the directories of servers that are no more; returns how many. Other names under `root` are left alone. */
export async function sweepScratch(root: string): Promise<number> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  let removed = 0
  for (const name of await readdir(root)) {
    const directory = join(root, name)
    if (!(await isLeftover(directory, PREFIX))) continue
    await removeTree(directory)
    removed++
  }
  return removed
}
