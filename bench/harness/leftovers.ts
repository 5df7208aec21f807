import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { processStart } from '../../src/adapters/db/embedded-process.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'

/** Removes what runs left that were killed: folders whose names are the prefix, a run's process id and a hyphen. */
export const removeLeftovers = async (parent: string, prefix: string): Promise<void> => {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const run = Number(name.slice(prefix.length).split('-')[0])
    if ((await processStart(run)) === null) await removeTree(join(parent, name))
  }
}
