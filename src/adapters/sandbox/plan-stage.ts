import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Stage } from './stage.ts'
import type { Toolchain } from './toolchains.ts'

/** What has to be prepared for a user to run a command in a workspace. */
export async function planStage({
  user,
  toolchains,
  workspace,
  cgroups,
}: Pick<Stage, 'user' | 'cgroups'> & { toolchains: readonly Toolchain[]; workspace: string }): Promise<Stage> {
  if (user === null) return { cgroups, user, owned: null, reachable: [] }
  const directories = [...new Set([workspace, ...toolchains.flatMap((toolchain) => toolchain.directories)])]
  const walkable = await Promise.all(directories.map((directory) => canBeReachedByAll(dirname(directory))))
  const reachable = directories.filter((_, index) => walkable[index] !== true)
  return { cgroups, user, owned: workspace, reachable }
}

/** Whether any user can walk to a directory: each part of the way has the search bit for others. */
async function canBeReachedByAll(directory: string): Promise<boolean> {
  const { mode } = await stat(directory)
  if ((mode & 0o001) === 0) return false
  return directory === '/' || canBeReachedByAll(dirname(directory))
}
