import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { commandLine, hasCode, holdsWithin, parentOf, processStart, signalProcess } from './embedded-process.ts'

/** Another running process has the database open. */
export class DatabaseInUseError extends Error {
  override readonly name = 'DatabaseInUseError'
  /** The process to stop: the server that started the database, or the database itself when that is not known. */
  readonly holderPid: number
  constructor(data: string, holderPid: number, detail: string) {
    super(
      `The database in ${data} is in use by process ${holderPid} (${detail}). Stop it first, or use another DATA_DIR.`,
    )
    this.holderPid = holderPid
  }
}

interface Postmaster {
  readonly pid: number
  /** The process that started it, as it is written on its command line; null when somebody else started it. */
  readonly owner: { readonly pid: number; readonly start: string } | null
}

const ownerSetting = 'countersign.owner'

/** The setting that writes this process on the command line of the database it starts. */
export async function ownerOption(): Promise<Record<string, string>> {
  return { [ownerSetting]: `${process.pid}:${await processStart(process.pid)}` }
}

/**
 * Makes sure that no PostgreSQL runs on a cluster. One whose owner is gone is stopped, without loss.
 * @throws DatabaseInUseError when its owner is alive or not known
 */
export async function clearTheWay(data: string, log: (line: string) => void): Promise<void> {
  const postmaster = await runningPostmaster(data)
  if (postmaster === null) return
  const { pid, owner } = postmaster
  if (owner === null) throw new DatabaseInUseError(data, pid, 'a PostgreSQL that Countersign did not start')
  if ((await processStart(owner.pid)) === owner.start) {
    const command = (await commandLine(owner.pid))?.trim() ?? 'already gone'
    throw new DatabaseInUseError(data, owner.pid, owner.pid === process.pid ? 'this process' : command.slice(0, 200))
  }

  log(`Waiting for the database of process ${owner.pid}, which has ended, to shut down (process ${pid})`)
  const isGone = async () => (await runningPostmaster(data))?.pid !== pid
  // Its supervisor is at it; a second signal does no harm, and is needed when the supervisor was killed too.
  if (await holdsWithin(500, isGone)) return
  signalProcess(pid, 'SIGINT')
  if (await holdsWithin(30_000, isGone)) return
  signalProcess(pid, 'SIGQUIT')
  if (await holdsWithin(15_000, isGone)) return
  throw new DatabaseInUseError(data, pid, 'a PostgreSQL without owner that does not stop')
}

/** The running server of a cluster. A lock file that some other process's number keeps looking valid is removed. */
async function runningPostmaster(data: string): Promise<Postmaster | null> {
  const text = await lockFile(data)
  const pid = Math.abs(Number(text?.split('\n')[0]))
  if (text === null || !Number.isSafeInteger(pid) || pid === 0) return null
  if (!signalProcess(pid, 0)) return null
  const command = await commandLine(pid)
  if (command === null || !(await isPostgresOf(pid, data, command))) {
    await removeStaleLock(data, text)
    return null
  }
  const owner = new RegExp(` ${ownerSetting}=(\\d+):(\\S+)`).exec(command)
  return { pid, owner: owner === null ? null : { pid: Number(owner[1]), start: owner[2] ?? '' } }
}

/** By the directory that it works in: its command line may name that by another path (a link, a bind mount). */
async function isPostgresOf(pid: number, data: string, command: string): Promise<boolean> {
  if (process.platform !== 'linux') return command.includes(` -D ${data} `)
  try {
    const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(data)])
    const isSameDirectory = theirs.dev === ours.dev && theirs.ino === ours.ino
    return isSameDirectory && basename(await readlink(`/proc/${pid}/exe`)).startsWith('postgres')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return false
    throw error
  }
}

async function lockFile(data: string): Promise<string | null> {
  try {
    return await readFile(join(data, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

async function removeStaleLock(data: string, seen: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
    // A server may have started since we looked: then its lock goes back.
    if ((await readFile(aside, 'utf8')) !== seen) await link(aside, path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/**
 * Ends what a killed server left working (a long query does not notice that its server is gone, and keeps the shared
 * memory). Where there is no /proc it ends nothing, and one waits for the query to end.
 */
export async function endOrphanedBackends(data: string): Promise<void> {
  if (process.platform !== 'linux') return
  for (const name of await readdir('/proc')) {
    const command = /^\d+$/.test(name) ? await commandLine(Number(name)) : null
    // A server's children carry this title; the server itself shows its command line, and is never ended here.
    if (!command?.startsWith('postgres: ') || !(await isPostgresOf(Number(name), data, command))) continue
    const parent = await parentOf(Number(name))
    const parentCommand = parent === null ? null : await commandLine(parent)
    if (parent !== null && parentCommand !== null && (await isPostgresOf(parent, data, parentCommand))) continue
    signalProcess(Number(name), 'SIGKILL')
  }
}
