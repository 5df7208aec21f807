/**
 * System calls that a sandboxed command may not make, by architecture. None of them is needed by tests;
 * each has been a way out of a namespace or opens kernel code that is otherwise out of reach.
 */

export type Architecture = 'x64' | 'arm64'

export interface ArchitectureFacts {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number
  /** Calls from this number on belong to another calling convention (x32); null where there is none. */
  readonly foreignFrom: number | null
  readonly clone: number
  readonly clone3: number
  readonly socket: number
  readonly ioctl: number
}

export const architectures: Record<Architecture, ArchitectureFacts> = {
  x64: { audit: 0xc000003e, foreignFrom: 0x40000000, clone: 56, clone3: 435, socket: 41, ioctl: 16 },
  arm64: { audit: 0xc00000b7, foreignFrom: null, clone: 220, clone3: 435, socket: 198, ioctl: 29 },
}

type Numbers = readonly [name: string, x64: number | null, arm64: number | null]

/** Refused with EPERM. */
export const refusedCalls: readonly Numbers[] = [
  // Other processes' memory and descriptors.
  ['ptrace', 101, 117],
  ['process_vm_readv', 310, 270],
  ['process_vm_writev', 311, 271],
  ['process_madvise', 440, 440],
  ['kcmp', 312, 272],
  ['pidfd_getfd', 438, 438],
  // Keyrings, which no namespace divides.
  ['add_key', 248, 217],
  ['request_key', 249, 218],
  ['keyctl', 250, 219],
  // Mounts and namespaces.
  ['mount', 165, 40],
  ['umount2', 166, 39],
  ['pivot_root', 155, 41],
  ['chroot', 161, 51],
  ['open_tree', 428, 428],
  ['move_mount', 429, 429],
  ['fsopen', 430, 430],
  ['fsconfig', 431, 431],
  ['fsmount', 432, 432],
  ['fspick', 433, 433],
  ['mount_setattr', 442, 442],
  ['open_tree_attr', 467, 467],
  ['unshare', 272, 97],
  ['setns', 308, 268],
  ['name_to_handle_at', 303, 264],
  ['open_by_handle_at', 304, 265],
  ['fanotify_init', 300, 262],
  ['quotactl', 179, 60],
  ['quotactl_fd', 443, 443],
  ['swapon', 167, 224],
  ['swapoff', 168, 225],
  ['acct', 163, 89],
  // The kernel itself.
  ['bpf', 321, 280],
  ['perf_event_open', 298, 241],
  ['userfaultfd', 323, 282],
  ['init_module', 175, 105],
  ['finit_module', 313, 273],
  ['delete_module', 176, 106],
  ['kexec_load', 246, 104],
  ['kexec_file_load', 320, 294],
  ['reboot', 169, 142],
  ['syslog', 103, 116],
  ['lookup_dcookie', 212, 18],
  ['nfsservctl', 180, 42],
  ['vhangup', 153, 58],
  ['iopl', 172, null],
  ['ioperm', 173, null],
  ['modify_ldt', 154, null],
  ['uselib', 134, null],
  ['sysfs', 139, null],
]

/** Answered with ENOSYS, so that programs take their other way. */
export const absentCalls: readonly Numbers[] = [
  ['io_uring_setup', 425, 425],
  ['io_uring_enter', 426, 426],
  ['io_uring_register', 427, 427],
  // Its flags are behind a pointer, where a filter cannot see a CLONE_NEW*.
  ['clone3', 435, 435],
  ['memfd_secret', 447, 447],
]

/** Memory that belongs to no process and so escapes a watcher of resident size: refused where no cgroup counts it. */
export const uncountedMemoryCalls: readonly Numbers[] = [
  ['memfd_create', 319, 279],
  ['shmget', 29, 194],
]

export function numbersFor(calls: readonly Numbers[], architecture: Architecture): readonly number[] {
  return calls.flatMap(([, x64, arm64]) => {
    const number = architecture === 'x64' ? x64 : arm64
    return number === null ? [] : [number]
  })
}
