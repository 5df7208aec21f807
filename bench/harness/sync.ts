import { execFileSync } from 'node:child_process'

/** Has what was written before reach the disk, so that nobody waits for what another has left. */
export const syncDisk = (directory: string): void => {
  execFileSync('sync', ['-f', directory])
}
