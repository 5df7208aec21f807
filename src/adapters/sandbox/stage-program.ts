import type { Architecture } from './syscalls.ts'

/** Numbers of system calls. */
interface Calls {
  readonly mount: number
  readonly unshare: number
  readonly setgroups: number
  readonly setresgid: number
  readonly setresuid: number
  readonly capset: number
}

const calls: Record<Architecture, Calls> = {
  x64: { mount: 165, unshare: 272, setgroups: 116, setresgid: 119, setresuid: 117, capset: 126 },
  arm64: { mount: 40, unshare: 97, setgroups: 159, setresgid: 149, setresuid: 147, capset: 91 },
}

/** Of the calls' arguments, as linux/sched.h, linux/mount.h and linux/capability.h have them. */
const NEW_MOUNTS = 0x00020000
const NEW_USER = 0x10000000
const BIND = 0x1000
const RECURSIVE_PRIVATE = 0x4000 | 0x40000
const CAPABILITIES_VERSION = 0x20080522

/**
 * A program in Perl, which takes pairs of an action and its argument, then `--`, then what to become. It makes the calls
 * itself: a program for each of them would take longer to start than all that they do.
 */
export const stageProgram = (architecture: Architecture): string => {
  const { mount, unshare, setgroups, setresgid, setresuid, capset } = calls[architecture]
  return `
sub call { my ($name, $number, @arguments) = @_; syscall($number, @arguments) == 0 or die "$name: $!\\n" }
sub put {
  my ($file, $text) = @_;
  open(TO, ">", $file) && print(TO $text) && close(TO) or die "$file: $!\\n";
}
sub isolate {
  my ($uid, $gid) = ($> + 0, $) + 0);
  call("unshare", ${unshare}, $uid ? ${NEW_MOUNTS | NEW_USER} : ${NEW_MOUNTS});
  # Who is not root gets the right to mount in a user namespace, in which it is called so.
  if ($uid) {
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", "0 $uid 1");
    put("/proc/self/gid_map", "0 $gid 1");
  }
  call("mount /", ${mount}, "none", "/", 0, ${RECURSIVE_PRIVATE}, 0);
}
sub make {
  my ($directory) = @_;
  mkdir($directory) && chmod(0755, $directory) && (!@user || chown(@user, $directory)) or die "$directory: $!\\n";
}
sub become {
  call("setgroups", ${setgroups}, 0, 0);
  call("setresgid", ${setresgid}, ($user[1]) x 3);
  call("setresuid", ${setresuid}, ($user[0]) x 3);
  call("capset", ${capset}, pack("L2", ${CAPABILITIES_VERSION}, 0), pack("L6", (0) x 6));
}
my %actions = (
  join => sub { put($_[0], 0) },
  user => sub { @user = map { $_ + 0 } split(/:/, $_[0]) },
  own => sub { system("chown", "-Rh", "--", join(":", @user), $_[0]) == 0 or die "chown ended with $?\\n" },
  at => sub { ($at) = @_ },
  isolate => \\&isolate,
  make => \\&make,
  tmpfs => sub { call("mount $at", ${mount}, "workspace", $at, "tmpfs", 0, $_[0]) },
  bind => sub { call("mount $_[0]", ${mount}, $_[0], $at, 0, ${BIND}, 0) },
  overlay => sub { call("mount $at", ${mount}, "workspace", $at, "overlay", 0, $_[0]) },
);
while ((my $action = shift) ne "--") { $actions{$action}->(shift) }
become() if @user;
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`
}
