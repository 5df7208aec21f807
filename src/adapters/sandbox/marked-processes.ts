import { readdirSync, readFileSync } from 'node:fs'

/** In the environment of each process of a run: it stays through setsid and double forks, though not against intent. */
export const MARK = 'COUNTERSIGN_RUN'

/** The processes of the machine with this mark. */
export function marked(run: string): readonly number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`${MARK}=${run}`))
    .map(Number)
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    // Ended since, or another user's and so none of ours.
    return ''
  }
}
