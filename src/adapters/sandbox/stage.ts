import { basename, dirname, join } from 'node:path'
import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { CommandUser } from './command-user.ts'
import { stageProgram } from './stage-program.ts'
import type { Architecture } from './syscalls.ts'

/**
 * What is done on the host, with the server's rights, before bubblewrap starts in the same process: joining cgroups,
 * making the workspace, and making paths reachable that the command's user cannot walk to. All mounts are in a mount
 * namespace of their own: they are gone with the last process in it.
 */
export interface Stage {
  /** Their entrances. */
  readonly cgroups: readonly string[]
  /** Null when the server's own user runs the command. */
  readonly user: CommandUser | null
  /** Null where the workspace is a directory of the host, which is given to the user. */
  readonly overlay: OverlayWorkspace | null
  /** A workspace on the host; links themselves are given away and not what they point to. */
  readonly owned: string | null
  /** Directories of the host that get a second path. */
  readonly bound: readonly string[]
  /** System directories with something laid over them. */
  readonly systems: readonly LayeredDirectory[]
}

/** A workspace in memory over directories that it never writes. */
export interface OverlayWorkspace {
  /** The topmost first; none: the workspace is empty. */
  readonly lowers: readonly string[]
  readonly bytes: number
  /** Files, directories and links. */
  readonly files: number
}

/** A directory of the system as the command sees it: read-only, what is laid over it and below that the machine's own. */
export interface LayeredDirectory {
  readonly target: string
  readonly over: string
  /** Null: nothing of the machine's is shown. */
  readonly machine: string | null
}

/** Covered in the mount namespace, since no source can be below it. */
const PLACE = '/sys'
const UPPER = `${PLACE}/upper`
const WORK = `${PLACE}/work`
const MERGED = `${PLACE}/merged`
const NOTHING = `${PLACE}/nothing`
/** The place itself, its directories, and what overlayfs makes in its work directory. */
const OWN_FILES = 8
/** A directory's mark takes part of another file's room: so much more there is, that a bound is never met too soon. */
const MARKS = 1 / 16

/** Paths that mean themselves in the options of a mount. */
const PLAIN = /^[\w./-]+$/

/** The path by which bubblewrap reaches a directory. */
export function stagedPath(stage: Stage, directory: string): string {
  const index = stage.bound.indexOf(directory)
  return index === -1 ? directory : `${PLACE}/${index}`
}

/** The same for the socket behind a door. */
export function stagedSocket(stage: Stage, { socket }: LoopbackDoor): string {
  return join(stagedPath(stage, dirname(socket)), basename(socket))
}

/** The path by which bubblewrap reaches the workspace. */
export function stagedWorkspace(stage: Stage): string {
  if (stage.overlay === null) return stagedPath(stage, stage.owned ?? '')
  return stage.overlay.lowers.length === 0 ? UPPER : MERGED
}

/** Where a layered directory is mounted. */
export function stagedSystem(target: string): string {
  return `${PLACE}/system${target.replaceAll('/', '-')}`
}

/** Directories whose paths the options of a mount would misread, and which so have to be bound. */
export function misreadable(directories: readonly string[]): readonly string[] {
  return directories.filter((directory) => !PLAIN.test(directory))
}

/** The command line that prepares the stage and then becomes `argv`. */
export function stagedCommand(stage: Stage, architecture: Architecture, argv: readonly string[]): readonly string[] {
  const { cgroups, user, owned, overlay, bound, systems } = stage
  const isMounted = overlay !== null || bound.length > 0 || systems.length > 0
  const actions = [
    ...cgroups.flatMap((entrance) => ['join', entrance]),
    ...(user === null ? [] : ['user', `${user.uid}:${user.gid}`]),
    ...(owned === null || user === null ? [] : ['own', owned]),
    ...(isMounted ? ['isolate', 'mounts', 'at', PLACE, 'tmpfs', placeOptions(stage)] : []),
    ...(isMounted ? stagedDirectories(stage).flatMap((directory) => ['make', directory]) : []),
    ...bound.flatMap((directory) => ['at', stagedPath(stage, directory), 'bind', directory]),
    ...(overlay === null ? [] : overlayActions(stage, overlay)),
    ...systems.flatMap((system) => layeredActions(stage, system)),
  ]
  return actions.length === 0 ? argv : ['perl', '-e', stageProgram(architecture), ...actions, '--', ...argv]
}

/** What mounts are made on: all of it is the user's, who sees none but the workspace's. */
function stagedDirectories({ overlay, bound, systems }: Stage): readonly string[] {
  return [
    ...bound.map((_, index) => `${PLACE}/${index}`),
    ...(overlay === null ? [] : overlay.lowers.length === 0 ? [UPPER] : [UPPER, WORK, MERGED]),
    ...(systems.length > 0 ? [NOTHING, ...systems.map(({ target }) => stagedSystem(target))] : []),
  ]
}

/** One file system in memory, so that one limit holds for all that a command writes into its workspace. */
function placeOptions({ overlay, bound, systems }: Stage): string {
  if (overlay === null) return 'mode=755,size=64k'
  const inodes = overlay.files + Math.ceil(overlay.files * MARKS) + OWN_FILES + bound.length + systems.length
  return `mode=755,size=${overlay.bytes},nr_inodes=${inodes}`
}

function overlayActions(stage: Stage, { lowers }: OverlayWorkspace): readonly string[] {
  if (lowers.length === 0) return []
  const options = [
    `lowerdir=${lowers.map((directory) => stagedPath(stage, directory)).join(':')}`,
    `upperdir=${UPPER}`,
    `workdir=${WORK}`,
    // With redirects a directory of the base can be renamed; in a user namespace overlayfs has none.
    process.getuid?.() === 0 ? 'redirect_dir=on' : 'userxattr',
  ]
  return ['at', MERGED, 'overlay', options.join(',')]
}

function layeredActions(stage: Stage, { target, over, machine }: LayeredDirectory): readonly string[] {
  const place = stagedSystem(target)
  const lowers = [stagedPath(stage, over), machine ?? NOTHING].join(':')
  // Layers are written in user namespaces, with the marks that are allowed there.
  return ['at', place, 'overlay', `lowerdir=${lowers},userxattr`]
}
