import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import type { CommandUser } from './command-user.ts'
import type { PlannedFile } from './plan-changes.ts'

/** Files written without a pause: other work of the server waits for them. */
const AT_ONCE = 64

/** Writes files into a fresh directory, and gives them and it to the user that is to run commands on them. */
export async function writeFiles(
  directory: string,
  files: readonly PlannedFile[],
  owner: CommandUser | null,
): Promise<void> {
  const give = (path: string, mode: number) => {
    chmodSync(path, mode)
    if (owner !== null) chownSync(path, owner.uid, owner.gid)
  }
  const made = new Set(['.'])
  const make = (path: string) => {
    if (made.has(path)) return
    make(dirname(path))
    mkdirSync(join(directory, path))
    give(join(directory, path), 0o755)
    made.add(path)
  }
  give(directory, 0o755)
  for (const [index, { path, content, isExecutable }] of files.entries()) {
    make(dirname(path))
    writeFileSync(join(directory, path), content, { flag: 'wx' })
    give(join(directory, path), isExecutable ? 0o755 : 0o644)
    if (index % AT_ONCE === AT_ONCE - 1) await breathe()
  }
}
