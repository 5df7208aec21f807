/**
 * What is done on the host, with the server's rights, before bubblewrap starts in the same process:
 * joining cgroups, handing the workspace to the other user, and making paths reachable that this user cannot walk to.
 */
export interface Stage {
  readonly cgroups: readonly string[]
  /** Null when the server's own user runs the command. */
  readonly user: { readonly uid: number; readonly gid: number } | null
  /** Given to the other user, links themselves and not what they point to. */
  readonly owned: string | null
  /** Directories of the host that get a second, reachable path. */
  readonly reachable: readonly string[]
}

/** Covered in a mount namespace of its own, since no source can be below it. */
const STAGE_DIRECTORY = '/sys'

/** Takes pairs of an action and a path, then `--`, then what to become. */
const SCRIPT = `set -e
count=0
while [ "$1" != -- ]; do
  case "$1" in
    join) echo $$ > "$2/cgroup.procs" ;;
    own) chown -Rh -- "$owner" "$2" ;;
    reach)
      [ $count -gt 0 ] || mount -t tmpfs -o mode=755,size=64k stage ${STAGE_DIRECTORY}
      mkdir "${STAGE_DIRECTORY}/$count"
      mount --bind -- "$2" "${STAGE_DIRECTORY}/$count"
      count=$((count + 1)) ;;
  esac
  shift 2
done
shift
exec "$@"`

/** The path by which bubblewrap reaches a directory. */
export function stagedPath(stage: Stage, directory: string): string {
  const index = stage.reachable.indexOf(directory)
  return index === -1 ? directory : `${STAGE_DIRECTORY}/${index}`
}

/** The command line that prepares the stage and then becomes `argv`, with an empty environment. */
export function stagedCommand(
  stage: Stage,
  argv: readonly string[],
): { readonly argv: readonly string[]; readonly environment: Readonly<Record<string, string>> } {
  const { cgroups, user, owned, reachable } = stage
  const actions = [
    ...cgroups.flatMap((directory) => ['join', directory]),
    ...(owned === null ? [] : ['own', owned]),
    ...reachable.flatMap((directory) => ['reach', directory]),
  ]
  if (actions.length === 0 && user === null) return { argv, environment: {} }
  const lowered =
    user === null
      ? []
      : ['setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--inh-caps=-all']
  return {
    argv: [
      ...(reachable.length === 0 ? [] : ['unshare', '--mount', '--propagation', 'private']),
      ...['sh', '-c', SCRIPT, 'stage', ...actions, '--'],
      ...lowered,
      ...['env', '-i', ...argv],
    ],
    environment: user === null ? {} : { owner: `${user.uid}:${user.gid}` },
  }
}
