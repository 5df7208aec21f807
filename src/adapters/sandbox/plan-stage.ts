import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { SandboxLimits } from '../../domain/ports/sandbox.ts'
import type { LaidWorkspace } from './bubblewrap-workspace.ts'
import { misreadable, type Stage } from './stage.ts'
import type { Toolchain } from './toolchains.ts'

/** What has to be prepared for a user to run a command in a workspace. */
export async function planStage({
  user,
  toolchains,
  laid,
  door,
  limits,
  systems,
  cgroups,
}: Pick<Stage, 'user' | 'cgroups' | 'systems'> & {
  toolchains: readonly Toolchain[]
  laid: LaidWorkspace
  door: LoopbackDoor | undefined
  limits: SandboxLimits
}): Promise<Stage> {
  const walked = [
    ...(laid.kind === 'copy' ? [laid.directory] : []),
    ...(door === undefined ? [] : [dirname(door.socket)]),
    ...new Set(toolchains.flatMap((toolchain) => toolchain.directories)),
  ]
  const walkable = await Promise.all(
    walked.map(async (directory) => user === null || canBeReachedByAll(dirname(directory))),
  )
  const mounted = [...(laid.kind === 'overlay' ? laid.lowers : []), ...systems.map(({ over }) => over)]
  return {
    cgroups,
    user,
    systems,
    owned: laid.kind === 'copy' ? laid.directory : null,
    overlay:
      laid.kind === 'overlay'
        ? { lowers: laid.lowers, bytes: limits.workspaceBytes, files: limits.workspaceFiles }
        : null,
    bound: [...walked.filter((_, index) => walkable[index] !== true), ...misreadable(mounted)],
  }
}

/** Whether any user can walk to a directory: each part of the way has the search bit for others. */
async function canBeReachedByAll(directory: string): Promise<boolean> {
  const { mode } = await stat(directory)
  if ((mode & 0o001) === 0) return false
  return directory === '/' || canBeReachedByAll(dirname(directory))
}
