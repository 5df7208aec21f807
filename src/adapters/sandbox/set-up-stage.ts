import { SYSTEM_PATH } from './find-program.ts'

/**
 * Where setup commands run when the server is root: in a user namespace whose root is nobody on the machine, and which
 * nevertheless may change the system's directories, since it sees them through mounts that shift their owners, with an
 * overlay over them. What mounts this is the server, in a mount namespace of its own that goes with the last process.
 */
export interface SetUpStage {
  /** Their entrances. */
  readonly cgroups: readonly string[]
  /** Directories of the host that get a second path, since the namespace's root cannot walk to them. */
  readonly bound: readonly string[]
  readonly layered: readonly LayeredTarget[]
}

export interface LayeredTarget {
  /** A directory of the machine. */
  readonly target: string
  /** Where its changes go: a directory of the host with an `upper`, which is of the namespace's root; beside it overlayfs works. */
  readonly changes: string
}

/**
 * Root of the namespace, and the 65,535 users after it. Above what subordinate ids, containers and systemd's services
 * are given, and below the ids that are no longer positive numbers of 32 bits: nobody else on a machine has them.
 */
export const SHIFTED_USERS = { first: 2_000_000_000, count: 65_536 } as const

/** Covered in the mount namespace, since no source can be below it. */
const PLACE = '/sys'

/**
 * Mounts a directory again with its owners shifted as a user namespace has them, without the right to write: the calls
 * open_tree, mount_setattr and move_mount, which mount(8) makes from version 2.39 on only. Their numbers are the same on
 * every architecture.
 */
const SHIFT = `
my ($namespace, $from, $to) = @ARGV;
my $empty = "";
my $tree = syscall(428, -100, $from, 0x80001);
die "open_tree: $!" if $tree < 0;
open(my $users, "<", $namespace) or die "$namespace: $!";
my $attributes = pack("QQQQ", 0x100007, 0, 0, fileno($users));
syscall(442, $tree, $empty, 0x1000, $attributes, 32) == 0 or die "mount_setattr: $!";
syscall(429, $tree, $empty, -100, $to, 4) == 0 or die "move_mount: $!";
`

/**
 * Takes pairs of an action and its argument, then `--`, then what to become. Groups are joined first: the place covers
 * where they are. The namespace's ids are written by us while its only process waits; then a mount keeps the namespace.
 */
const SCRIPT = `set -e
count=0
layers=0
while [ "$1" != -- ]; do
  case "$1" in
    join) echo 0 > "$2" ;;
    users)
      mount -t tmpfs -o mode=755,size=256k stage ${PLACE}
      mkfifo ${PLACE}/go
      : > ${PLACE}/users
      unshare --user sh -c 'echo $$; read -r go < ${PLACE}/go' | {
        read -r pid
        echo "0 $2" > "/proc/$pid/uid_map"
        echo "0 $2" > "/proc/$pid/gid_map"
        mount --bind "/proc/$pid/ns/user" ${PLACE}/users
        echo > ${PLACE}/go
      } ;;
    bind) mkdir "${PLACE}/$count" && mount --bind -- "$2" "${PLACE}/$count" && count=$((count + 1)) ;;
    changes)
      changes="${PLACE}/changes-$layers"
      mkdir "$changes"
      mount --bind -- "$2" "$changes"
      rm -rf -- "$changes/work"
      mkdir "$changes/work" ;;
    layer)
      lower="${PLACE}/lower-$layers"
      mkdir "$lower" "${PLACE}/layer-$layers"
      perl -e "$shift" ${PLACE}/users "$2" "$lower"
      dirs="lowerdir=$lower,upperdir=$changes/upper,workdir=$changes/work"
      mount -t overlay -o "nosuid,nodev,userxattr,index=off,xino=off,volatile,$dirs" layer "${PLACE}/layer-$layers"
      layers=$((layers + 1)) ;;
  esac
  shift 2
done
shift
exec env -i PATH="$PATH" nsenter --user=${PLACE}/users --setuid 0 --setgid 0 -- env -i "$@"`

/** The command line that makes the stage and then becomes `argv` as root of the namespace, with an empty environment. */
export function setUpCommand(
  { cgroups, bound, layered }: SetUpStage,
  argv: readonly string[],
): { readonly argv: readonly string[]; readonly environment: Readonly<Record<string, string>> } {
  const actions = [
    ...cgroups.flatMap((entrance) => ['join', entrance]),
    ...['users', `${SHIFTED_USERS.first} ${SHIFTED_USERS.count}`],
    ...bound.flatMap((directory) => ['bind', directory]),
    ...layered.flatMap(({ target, changes }) => ['changes', changes, 'layer', target]),
  ]
  return {
    argv: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'stage', ...actions, '--', ...argv],
    environment: { PATH: SYSTEM_PATH, shift: SHIFT },
  }
}

/** The path by which a staged directory is reached. */
export function setUpPath(stage: SetUpStage, directory: string): string {
  return `${PLACE}/${stage.bound.indexOf(directory)}`
}

/** The path of one of the layered directories, by its place among them. */
export function setUpLayerPath(index: number): string {
  return `${PLACE}/layer-${index}`
}
