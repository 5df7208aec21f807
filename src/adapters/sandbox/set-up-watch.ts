import { statfs } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { SetUpLimits } from '../../domain/ports/sandbox.ts'
import { treeSize } from './tree-size.ts'

const PAUSE_MS = 500
/** The walk over a large layer takes at most this part of the time. */
const PAUSE_PER_WALK = 5
/** What has to stay free on the disk, in bytes. */
const RESERVE_BYTES = 512 * 1024 * 1024

/** Why a layer may not grow as it has, or null. */
export async function layerFault(
  directory: string,
  { layerBytes, layerFiles }: Pick<SetUpLimits, 'layerBytes' | 'layerFiles'>,
): Promise<string | null> {
  const [{ bytes, entries }, disk] = await Promise.all([treeSize(directory), statfs(directory)])
  if (bytes > layerBytes) return `what the commands write may have ${layerBytes} bytes`
  if (entries > layerFiles) return `what the commands write may have ${layerFiles} files`
  if (disk.bavail * disk.bsize < RESERVE_BYTES) return 'the disk of the data directory is nearly full'
  return null
}

/**
 * Looks again and again at what commands write, and calls `onFault` once when it is too much. Between two looks a
 * command can go past the limits by what the disk takes in that time.
 */
export function watchLayer(
  directory: string,
  limits: Pick<SetUpLimits, 'layerBytes' | 'layerFiles'>,
  onFault: (fault: string) => void,
): Disposable {
  const end = new AbortController()
  const watch = async () => {
    for (;;) {
      const startedAt = performance.now()
      const fault = await layerFault(directory, limits)
      if (end.signal.aborted) return
      if (fault !== null) return onFault(fault)
      const pause = Math.max(PAUSE_MS, (performance.now() - startedAt) * PAUSE_PER_WALK)
      await wait(pause, undefined, { signal: end.signal, ref: false })
    }
  }
  watch().catch((error: unknown) => {
    if (!end.signal.aborted) onFault(`what the commands write could not be measured (${(error as Error).message})`)
  })
  return { [Symbol.dispose]: () => end.abort() }
}
