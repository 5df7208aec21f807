import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { readProcess } from './host-processes.ts'
import { removeTree } from './remove-tree.ts'

/** ws-<machine>-<process>-<start time of the process>-<random> */
const NAME = /^ws-([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{16}$/

/** After this, a leftover of a machine that cannot be asked is one. */
const FOREIGN_LEFTOVER_MS = 24 * 60 * 60 * 1_000

/**
 * Makes a fresh directory under `root`, has it filled, hands it to `use`, and removes it whatever happened.
 * The sandbox gives it to the user that runs the commands, at each run.
 * @throws what `fill` or `use` throws; the file system's error when the directory cannot be removed
 */
export async function withWorkspace<T>(
  root: string,
  fill: (directory: string) => Promise<void>,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const directory = join(root, `${ownPrefix()}${randomBytes(8).toString('hex')}`)
  await mkdir(directory, { mode: 0o700 })
  try {
    await fill(directory)
    return await use(directory)
  } finally {
    await removeTree(directory)
  }
}

/** Removes workspaces whose server is no more; returns how many. Other names under `root` are left alone. */
export async function sweepWorkspaces(root: string): Promise<number> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  let removed = 0
  for (const name of await readdir(root)) {
    const directory = join(root, name)
    if (!(await isLeftover(name, directory))) continue
    await removeTree(directory)
    removed++
  }
  return removed
}

async function isLeftover(name: string, directory: string): Promise<boolean> {
  const [, machine, pid, startedAt] = NAME.exec(name) ?? []
  if (machine === undefined || pid === undefined) return false
  const found = await lstat(directory)
  if (!found.isDirectory()) return false
  if (machine !== machineMark()) return Date.now() - found.mtimeMs > FOREIGN_LEFTOVER_MS
  return startOf(Number(pid)) !== startedAt
}

function ownPrefix(): string {
  return `ws-${machineMark()}-${process.pid}-${startOf(process.pid)}-`
}

/** Containers that share a directory have process ids of their own, and host names too. */
function machineMark(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
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
