import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { fixedLimits } from './default-limits.ts'

/** What setup commands see, as bubblewrap can reach it. */
export interface SetUpImage {
  readonly workspace: string
  readonly temporary: string
  readonly etc: string
  readonly opt: string
  readonly variable: string
  /** Directories of the system with something laid over them, which can be written. */
  readonly layered: readonly { readonly source: string; readonly target: string }[]
  /** Further directories of the host, read-only, in the order of their targets. */
  readonly shown: readonly { readonly source: string; readonly target: string }[]
  /** bubblewrap has to make a user namespace, in which the server's own user is called root. */
  readonly isOwnUser: boolean
  readonly environment: Readonly<Record<string, string>>
  readonly inheritedDescriptors: readonly number[]
  readonly seccompDescriptor: number
  readonly statusDescriptor: number
}

/** What a package manager and the scripts of packages do: give files and processes to the system's users. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETFCAP', 'SETGID', 'SETUID'] as const

const SYSTEM_DIRECTORIES = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'] as const

/** bubblewrap's options, up to and without the command. Order matters: later mounts cover earlier ones. */
export function setUpOptions(image: SetUpImage): readonly string[] {
  const isLayered = image.layered.some(({ target }) => target === '/usr')
  return [
    ...(image.isOwnUser ? ['--unshare-user', '--uid', '0', '--gid', '0'] : []),
    // With the machine's network: packages come from somewhere.
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup', '--hostname', 'setup'],
    ...['--new-session', '--die-with-parent', '--cap-drop', 'ALL'],
    ...CAPABILITIES.flatMap((name) => ['--cap-add', `CAP_${name}`]),
    ...['--seccomp', String(image.seccompDescriptor), '--json-status-fd', String(image.statusDescriptor)],
    ...(isLayered ? [] : ['--ro-bind', '/usr', '/usr']),
    ...SYSTEM_DIRECTORIES.flatMap(systemDirectory),
    ...['--bind', image.etc, '/etc', '--bind', image.opt, '/opt', '--bind', image.variable, '/var'],
    ...image.layered.flatMap(({ source, target }) => ['--bind', source, target]),
    ...image.inheritedDescriptors.flatMap((fd) => ['--file', String(fd), `/.descriptor-${fd}`]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...[
      '--perms',
      '1777',
      '--size',
      String(fixedLimits.sharedMemoryBytes),
      '--tmpfs',
      '/dev/shm',
      '--remount-ro',
      '/dev',
    ],
    ...['--size', String(fixedLimits.sharedMemoryBytes), '--tmpfs', '/run', '--dir', '/run/lock'],
    ...['--bind', image.temporary, '/tmp'],
    ...image.shown.flatMap(({ source, target }) => ['--perms', '0755', '--dir', target, '--ro-bind', source, target]),
    ...['--bind', image.workspace, '/workspace', '--chdir', '/workspace'],
    // The base is a tmpfs without a size.
    ...['--remount-ro', '/'],
    ...Object.entries(image.environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ]
}

function systemDirectory(path: string): readonly string[] {
  if (!existsSync(path)) return []
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
}
