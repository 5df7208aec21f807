import { readdirSync, readFileSync } from 'node:fs'

const CLOSE_ON_EXEC = 0o2000000

/**
 * Descriptors from `first` on that a child would get because whoever started the server left them open.
 * Node marks those it opens itself, and the low ones, to be closed.
 */
export function inheritedDescriptors(first: number): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => descriptor >= first && !closesOnExec(descriptor))
}

function closesOnExec(descriptor: number): boolean {
  let info: string
  try {
    info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')
  } catch (error) {
    // The directory's own descriptor, closed since it was listed.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
  const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '0', 8)
  return (flags & CLOSE_ON_EXEC) !== 0
}
