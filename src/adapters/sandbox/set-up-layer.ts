import { execFile } from 'node:child_process'
import { lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { SetUpRequest, SetUpResult } from '../../domain/ports/sandbox.ts'
import { type CommandUser, commandUser } from './command-user.ts'
import { SYSTEM_PATH } from './find-program.ts'
import { isLeftover, markedName } from './process-mark.ts'
import { removeTree } from './remove-tree.ts'
import { runSetUpCommands, type SetUpPlace } from './set-up-commands.ts'
import { createSetUpLog } from './set-up-log.ts'
import { writeFiles } from './write-files.ts'

const execute = promisify(execFile)

/** Layers under way and layers that go have such a name; a finished one has its hash. */
const PART = 'part'

/**
 * Makes a layer: has the commands run on a fresh directory, and gives it its name when all of them succeeded. A layer
 * of that name is left as it is.
 * @param user of whom the commands' files are while they run; null for the server's own
 * @param open makes the driver's place for a directory, in which `workspace` is there already
 */
export async function setUpLayer(
  request: SetUpRequest,
  user: CommandUser | null,
  open: (directory: string) => Promise<SetUpPlace>,
): Promise<SetUpResult> {
  const { layer, keyFiles, limits, onLog } = request
  const root = dirname(layer)
  const part = join(root, markedName(PART))
  const workspace = join(part, 'workspace')
  await mkdir(root, { recursive: true, mode: 0o700 })
  // With network everything of a project may end in it: for the server alone, whatever the umask says.
  await mkdir(workspace, { recursive: true, mode: 0o700 })
  try {
    const files = keyFiles.flatMap(({ path, content, isExecutable = false }) =>
      content === null ? [] : [{ path, content, isExecutable }],
    )
    await writeFiles(workspace, files, user)
    using log = createSetUpLog(limits.logBytes, onLog)
    const place = await open(part)
    try {
      const failure = await runSetUpCommands(place, request, log, part)
      if (failure !== null) return { failure, log: log.text() }
      for (const { path } of files) await unlinkBelow(workspace, path)
      await place.finish()
      await giveAway(part, commandUser())
      // Another builder may have been faster, and commands may run on its layer by now.
      await rename(part, layer).catch(unlessTaken)
      return { failure: null, log: log.text() }
    } finally {
      await place.end()
    }
  } finally {
    if (await isThere(part)) await removeTree(part)
  }
}

function unlessTaken(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
}

/** Whether there is a finished layer's directory. */
export async function hasLayerDirectory(layer: string): Promise<boolean> {
  return (await lstat(layer).catch(absent))?.isDirectory() ?? false
}

/** Removes a layer at once for all who look, and then from the disk. */
export async function removeLayerDirectory(layer: string): Promise<void> {
  const gone = join(dirname(layer), markedName(PART))
  const isGone = await rename(layer, gone).then(() => true, absent)
  if (isGone) await removeTree(gone)
}

/** Removes what builders that are no more have left; returns how many. Finished layers are left alone. */
export async function sweepLayers(root: string): Promise<number> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  let removed = 0
  for (const name of await readdir(root)) {
    const directory = join(root, name)
    if (!(await isLeftover(directory, PART))) continue
    await removeTree(directory)
    removed++
  }
  return removed
}

/**
 * Removes a file that was put into a workspace before commands ran there: the project has its own. The commands may
 * have put anything in its place or its parents', and no link of theirs is followed.
 */
async function unlinkBelow(workspace: string, path: string): Promise<void> {
  const names = path.split('/')
  for (const [index] of names.entries()) {
    const at = join(workspace, ...names.slice(0, index + 1))
    const found = await lstat(at).catch(absent)
    if (!found || (index < names.length - 1 && !found.isDirectory())) return
    if (index === names.length - 1 && found.isFile()) await unlink(at)
  }
}

/**
 * Gives what lies in the workspace to the user of later commands, so that they can write over it in their own copies,
 * and takes from all files the right to change who runs them. Links themselves, and not what they point to.
 */
async function giveAway(part: string, user: CommandUser | null): Promise<void> {
  const env = { PATH: SYSTEM_PATH }
  if (user !== null) await execute('chown', ['-Rh', '--', `${user.uid}:${user.gid}`, join(part, 'workspace')], { env })
  // Directories first: what is below one that was closed is looked at as well.
  const opened = ['-type', 'd', '!', '-perm', '-700', '-exec', 'chmod', 'u+rwx', '{}', ';']
  const lowered = ['-type', 'f', '-perm', '/6000', '-exec', 'chmod', 'ug-s', '{}', '+']
  await execute('find', [part, '-xdev', '(', ...opened, ')', '-o', '(', ...lowered, ')'], { env })
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(absent)) != null
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
