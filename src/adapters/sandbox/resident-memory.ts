import { readFileSync } from 'node:fs'
import { processTree } from './host-processes.ts'

const PAGE_BYTES = 4096
const SAMPLE_MS = 50

/**
 * Calls `onExceeded` once when a process tree has more resident memory than the limit; returns what ends the watch.
 * A tree can go past the limit between two samples, by what it touches in that time.
 */
export function watchResidentMemory(root: number, limitBytes: number, onExceeded: () => void): () => void {
  const timer = setInterval(() => {
    if (residentBytes(root, limitBytes) <= limitBytes) return
    clearInterval(timer)
    onExceeded()
  }, SAMPLE_MS)
  return () => clearInterval(timer)
}

/** Counts shared pages in every process that has them, and only if that is too much, exactly. */
function residentBytes(root: number, limitBytes: number): number {
  const tree = processTree(root)
  const rough = tree.reduce((sum, { residentPages }) => sum + residentPages * PAGE_BYTES, 0)
  if (rough <= limitBytes) return rough
  return tree.reduce((sum, { pid, residentPages }) => sum + (proportionalBytes(pid) ?? residentPages * PAGE_BYTES), 0)
}

function proportionalBytes(pid: number): number | null {
  try {
    const kibibytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    // Not readable for this server, or gone since: the rough count stands.
    return null
  }
}
