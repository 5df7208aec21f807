import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckedWorkspace } from './check-command.ts'
import { copyWorkspace } from './copy-workspace.ts'
import { planChanges } from './plan-changes.ts'
import type { Confinement } from './run-bubblewrap.ts'
import { withScratch } from './scratch.ts'
import { type TreeSize, treeSize } from './tree-size.ts'
import { writeFiles } from './write-files.ts'

/** What bubblewrap is to show as the workspace, and what is still to be done inside. */
export type LaidWorkspace =
  | {
      readonly kind: 'overlay'
      /** The topmost first. */
      readonly lowers: readonly string[]
      /** Paths to be taken out before the command begins. */
      readonly removals: readonly string[]
    }
  | { readonly kind: 'copy'; readonly directory: string; readonly size: TreeSize; readonly removals: readonly [] }

/** Lays a workspace out for as long as `use` runs. What the host keeps of it then is nothing. */
export async function withLaidWorkspace<T>(
  { workspaces, scratch, user }: Pick<Confinement, 'workspaces' | 'scratch' | 'user'>,
  workspace: CheckedWorkspace,
  use: (laid: LaidWorkspace) => Promise<T>,
): Promise<T> {
  if (workspaces === 'copy') {
    return withScratch(scratch, async (directory) => {
      const copy = await copyWorkspace(directory, workspace)
      return use({ kind: 'copy', directory: copy, size: await treeSize(copy), removals: [] })
    })
  }
  const { files, removals } = await planChanges(workspace.lowers, workspace.changes)
  if (files.length === 0) return use({ kind: 'overlay', lowers: workspace.lowers, removals })
  return withScratch(scratch, async (directory) => {
    const changed = join(directory, 'changes')
    await mkdir(changed)
    await writeFiles(changed, files, user)
    return use({ kind: 'overlay', lowers: [changed, ...workspace.lowers], removals })
  })
}
