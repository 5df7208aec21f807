import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const prefix = 'countersign-gateway-'

/** What the kernel takes as the path of a Unix socket, its end included. */
const longestPath = 107

/** A directory for one socket. */
export interface SocketPlace {
  readonly socket: string
  remove(): Promise<void>
}

/**
 * Makes a place that nobody but this user can walk to; in it the socket's own directory is open, for a sandbox to show
 * it to whoever runs there.
 * @throws Error when the directory for temporary files is too deep for a socket
 */
export const makeSocketPlace = async (): Promise<SocketPlace> => {
  const place = await mkdtemp(join(tmpdir(), prefix))
  const remove = () => rm(place, { recursive: true, force: true })
  try {
    const socket = join(place, 'way', 'models')
    if (Buffer.byteLength(socket) > longestPath) {
      throw new Error(`The path ${socket} is too long for a socket: set TMPDIR to a directory with a shorter one.`)
    }
    await mkdir(join(place, 'way'))
    await chmod(join(place, 'way'), 0o755)
    return { socket, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

const isRefused = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(socket)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    // Not there: its maker has not come that far.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })

/** Refused twice: its maker is no more. Once is refused also what is bound and about to listen. */
const isAbandoned = async (socket: string): Promise<boolean> => {
  if (!(await isRefused(socket))) return false
  await wait(100)
  return isRefused(socket)
}

/** Removes what servers that were killed left behind. */
export const sweepSocketPlaces = async (): Promise<void> => {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const place = join(tmpdir(), name)
    const found = await lstat(place).catch(() => null) // Removed since by its own server.
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue
    if (await isAbandoned(join(place, 'way', 'models'))) await rm(place, { recursive: true, force: true })
  }
}
