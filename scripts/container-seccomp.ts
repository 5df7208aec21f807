import { absentCalls, refusedCalls } from '../src/adapters/sandbox/syscalls.ts'

/** What bubblewrap makes a sandbox with, each of it with rights in a user namespace of its own alone. */
const madeWith: readonly string[] = ['mount', 'umount2', 'pivot_root', 'unshare']

const EPERM = 1
const ENOSYS = 38

/**
 * The system-call filter for a container that the server runs in, in the form that Docker and Kubernetes take. It is the
 * sandbox's own list of refused calls, without those that the sandbox is made with; namespaces may be made, which the
 * engine's default profile refuses. Commands inside the sandbox get the sandbox's own filter on top.
 */
export const containerSeccompProfile = () => {
  const names = (calls: typeof refusedCalls) => calls.map(([name]) => name).filter((name) => !madeWith.includes(name))
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    // No others: a call by the convention of a sibling architecture ends the process.
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
    syscalls: [
      { names: names(refusedCalls), action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      { names: names(absentCalls), action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ],
  }
}
