import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedWorkspace } from './check-command.ts'
import { mergeTree } from './merge-tree.ts'
import { planChanges } from './plan-changes.ts'
import { removeTree } from './remove-tree.ts'
import { writeFiles } from './write-files.ts'

/**
 * Puts a workspace together below an empty directory, owned by the server's own user.
 * @returns its path
 */
export async function copyWorkspace(scratch: string, { lowers, changes }: CheckedWorkspace): Promise<string> {
  const workspace = join(scratch, 'workspace')
  await mkdir(workspace, { mode: 0o755 })
  const { files, removals } = await planChanges(lowers, changes)
  for (const lower of lowers.toReversed()) await mergeTree(lower, workspace)
  for (const path of removals) await removeTree(join(workspace, path))
  if (files.length === 0) return workspace
  const changed = join(scratch, 'changes')
  await mkdir(changed)
  await writeFiles(changed, files, null)
  await mergeTree(changed, workspace)
  await removeTree(changed)
  return workspace
}
