import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { fixedLimits } from './default-limits.ts'
import { INSIDE_SOCKET } from './door.ts'

/** What the inside is called; the uid outside is another matter. */
const INSIDE = { uid: 1000, gid: 1000, workspace: '/workspace', home: '/tmp/home' } as const

const SYSTEM_DIRECTORIES = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'] as const

/** Read by loaders and language runtimes; none of it is secret, and a private key has no place in any of them. */
const SHARED_SETTINGS = [
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/alternatives',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/mime.types',
  '/etc/protocols',
  '/etc/services',
  '/etc/os-release',
] as const

/** Small files that the inside has instead of the machine's. */
export const syntheticFiles: Readonly<Record<string, string>> = {
  '/etc/passwd': `sandbox:x:${INSIDE.uid}:${INSIDE.gid}::${INSIDE.home}:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`,
  '/etc/group': `sandbox:x:${INSIDE.gid}:\nnogroup:x:65534:\n`,
  '/etc/hosts': '127.0.0.1 localhost sandbox\n::1 localhost\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
}

interface Binding {
  /** The path on the host as bubblewrap can reach it. */
  readonly source: string
  readonly target: string
}

export interface RootImage {
  readonly workspace: string
  /** What is shown in the place of a directory of the system. */
  readonly systems: Readonly<Record<string, string>>
  /** The size of /tmp. */
  readonly temporaryBytes: number
  /** The socket behind the command's door; null for most commands, which have none. */
  readonly doorSocket: string | null
  readonly toolchains: readonly Binding[]
  readonly path: string
  readonly environment: Readonly<Record<string, string>>
  /** The descriptor from which each synthetic file is read. */
  readonly fileDescriptors: Readonly<Record<string, number>>
  /** Descriptors that the server itself was given by its parent: bubblewrap reads and so closes them. */
  readonly inheritedDescriptors: readonly number[]
  readonly seccompDescriptor: number
  readonly statusDescriptor: number
}

/** bubblewrap's options, up to and without the command. Order matters: later mounts cover earlier ones. */
export function bubblewrapOptions(image: RootImage): readonly string[] {
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-net', '--unshare-cgroup'],
    ...['--uid', String(INSIDE.uid), '--gid', String(INSIDE.gid), '--hostname', 'sandbox'],
    ...['--new-session', '--die-with-parent', '--as-pid-1', '--cap-drop', 'ALL', '--cap-add', 'CAP_SETPCAP'],
    ...['--seccomp', String(image.seccompDescriptor), '--json-status-fd', String(image.statusDescriptor)],
    ...['--ro-bind', image.systems['/usr'] ?? '/usr', '/usr'],
    ...(image.systems['/opt'] === undefined ? [] : ['--ro-bind', image.systems['/opt'], '/opt']),
    ...SYSTEM_DIRECTORIES.flatMap(systemDirectory),
    ...['--perms', '0755', '--dir', '/etc', '--perms', '0755', '--dir', '/etc/ssl'],
    ...SHARED_SETTINGS.flatMap((path) => (existsSync(path) ? ['--ro-bind', image.systems[path] ?? path, path] : [])),
    ...Object.entries(image.fileDescriptors).flatMap(([path, fd]) => ['--perms', '0444', '--file', String(fd), path]),
    ...image.inheritedDescriptors.flatMap((fd) => ['--file', String(fd), `/etc/.descriptor-${fd}`]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--size', String(fixedLimits.sharedMemoryBytes), '--tmpfs', '/dev/shm'],
    ...['--remount-ro', '/dev'],
    ...['--perms', '1777', '--size', String(image.temporaryBytes), '--tmpfs', '/tmp', '--dir', INSIDE.home],
    ...['--dir', '/run', '--dir', '/var', '--symlink', '/tmp', '/var/tmp'],
    ...(image.doorSocket === null ? [] : ['--ro-bind', image.doorSocket, INSIDE_SOCKET]),
    ...image.toolchains.flatMap(({ source, target }) => [
      '--perms',
      '0755',
      '--dir',
      target,
      '--ro-bind',
      source,
      target,
    ]),
    ...['--bind', image.workspace, INSIDE.workspace, '--chdir', INSIDE.workspace],
    // The base is a tmpfs without a size that the inside owns: read-only, or it would be a hole in the memory limit.
    ...['--remount-ro', '/', '--clearenv'],
    ...Object.entries({
      ...image.environment,
      PATH: image.path,
      HOME: INSIDE.home,
      LANG: 'C.UTF-8',
    }).flatMap(([name, value]) => ['--setenv', name, value]),
  ]
}

function systemDirectory(path: string): readonly string[] {
  if (!existsSync(path)) return []
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
}
