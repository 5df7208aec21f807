import type { SandboxLimits } from '../../domain/ports/sandbox.ts'
import { type TreeSize, treeSize } from './tree-size.ts'

const PAUSE_MS = 100
/** How much longer than a look the pause after it is. */
const PAUSE_RATIO = 4

/**
 * Calls `onExceeded` once when a workspace on the host has more than its limits beyond what it began with; returns what
 * ends the watch. What is written between two looks can go past them.
 */
export function watchWorkspace(
  directory: string,
  before: TreeSize,
  limits: Pick<SandboxLimits, 'workspaceBytes' | 'workspaceFiles'>,
  onExceeded: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const pause = (ms: number) => {
    timer = setTimeout(look, ms)
  }
  const look = async () => {
    const startedAt = performance.now()
    const { bytes, entries } = await treeSize(directory)
    if (isOver) return
    if (bytes - before.bytes > limits.workspaceBytes || entries - before.entries > limits.workspaceFiles) onExceeded()
    else pause(Math.max(PAUSE_MS, PAUSE_RATIO * (performance.now() - startedAt)))
  }
  pause(PAUSE_MS)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
