import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { readProcess } from './host-processes.ts'

/** After this, a leftover of a machine that cannot be asked is one. */
const FOREIGN_LEFTOVER_MS = 24 * 60 * 60 * 1_000

/** A fresh name for a directory that lives no longer than this process: <prefix>-<machine>-<process>-<its start>-<random> */
export function markedName(prefix: string): string {
  return `${prefix}-${machineMark()}-${process.pid}-${startOf(process.pid)}-${randomBytes(8).toString('hex')}`
}

/** Whether a directory has a name of that prefix and its process is no more. */
export async function isLeftover(directory: string, prefix: string): Promise<boolean> {
  const name = basename(directory)
  if (!name.startsWith(`${prefix}-`)) return false
  const [, machine, pid, startedAt] =
    /^([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{16}$/.exec(name.slice(prefix.length + 1)) ?? []
  if (machine === undefined || pid === undefined) return false
  const found = await lstat(directory).catch((error: NodeJS.ErrnoException) => {
    // Another process removes leftovers too.
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!found?.isDirectory()) return false
  if (machine !== machineMark()) return Date.now() - found.mtimeMs > FOREIGN_LEFTOVER_MS
  return startOf(Number(pid)) !== startedAt
}

/**
 * Where a process id means one process: this machine since it was started, and this container's processes. Two
 * containers, or two copies of a machine, may share a directory and have the same host name.
 */
export function machineMark(): string {
  const parts = [hostname(), ...(process.platform === 'linux' ? [bootId(), processSpace()] : [])]
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 8)
}

const bootId = (): string => orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))
const processSpace = (): string => orNothing(() => readlinkSync('/proc/self/ns/pid'))

/** A system may hide it; then the rest has to do. */
function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

/** Empty where the system does not tell; null for a process that is not there. */
function startOf(pid: number): string | null {
  if (process.platform === 'linux') return readProcess(pid)?.startedAt ?? null
  try {
    process.kill(pid, 0)
    return ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : null
  }
}
