import { type Architecture, absentCalls, numbersFor, refusedCalls } from './syscalls.ts'

interface Rule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ERRNO'
  readonly errnoRet: number
  readonly args?: readonly {
    readonly index: number
    readonly value: number
    readonly valueTwo?: number
    readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ'
  }[]
}

const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_TYPE_MASK = 0xf
const NETLINK_ROUTE = 0
const LOW_WORD = 0xffffffff
/** TIOCSTI and TIOCLINUX put text into a terminal's input. */
const TERMINAL_INPUT = [0x5412, 0x541c]
/** CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET. */
const NEW_NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]

/**
 * The filter that commands get in every driver, in the form that the engine takes. It stands in the place of the
 * engine's own profile, which lets ptrace, io_uring and exotic sockets through, at least in some versions. Calls are
 * named, and an engine's library that is older than a call cannot refuse it: those need rights that nobody has inside.
 */
export function dockerSeccompProfile(architecture: Architecture): string {
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    // No others: a call by the convention of a sibling architecture ends the process.
    architectures: [architecture === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'],
    syscalls: [
      refuse(namesFor(refusedCalls, architecture), EPERM),
      refuse(namesFor(absentCalls, architecture), ENOSYS),
      ...NEW_NAMESPACES.map((flag) => refuse(['clone'], EPERM, [bits(0, flag, flag)])),
      ...TERMINAL_INPUT.map((code) => refuse(['ioctl'], EPERM, [bits(1, LOW_WORD, code)])),
      ...otherFamilies().map((family) =>
        refuse(['socket'], EAFNOSUPPORT, [{ index: 0, value: family, op: 'SCMP_CMP_EQ' }]),
      ),
      refuse(['socket'], EAFNOSUPPORT, [{ index: 0, value: AF_NETLINK, op: 'SCMP_CMP_GT' }]),
      ...[AF_INET, AF_INET6].map((family) =>
        refuse(['socket'], EPERM, [{ index: 0, value: family, op: 'SCMP_CMP_EQ' }, bits(1, SOCK_TYPE_MASK, SOCK_RAW)]),
      ),
      refuse(['socket'], EPERM, [
        { index: 0, value: AF_NETLINK, op: 'SCMP_CMP_EQ' },
        { index: 2, value: NETLINK_ROUTE, op: 'SCMP_CMP_NE' },
      ]),
    ],
  })
}

function refuse(names: readonly string[], errnoRet: number, args?: Rule['args']): Rule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, ...(args === undefined ? {} : { args }) }
}

const bits = (index: number, mask: number, value: number) =>
  ({ index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }) as const

/** Conditions on one argument are alternatives to the engine, so a range is written out. */
function otherFamilies(): readonly number[] {
  const given = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK]
  return Array.from({ length: AF_NETLINK }, (_, family) => family).filter((family) => !given.includes(family))
}

function namesFor(calls: typeof refusedCalls, architecture: Architecture): readonly string[] {
  return calls.filter((call) => numbersFor([call], architecture).length > 0).map(([name]) => name)
}
