import {
  type Architecture,
  absentCalls,
  architectures,
  numbersFor,
  refusedCalls,
  uncountedMemoryCalls,
} from './syscalls.ts'

/** One instruction of classic BPF, as linux/filter.h has it; jumps are counted from the next instruction. */
interface Instruction {
  readonly code: number
  readonly jumpTrue: number
  readonly jumpFalse: number
  readonly operand: number
}

const LOAD_WORD = 0x20
const AND = 0x54
const JUMP_EQUAL = 0x15
const JUMP_GREATER_OR_EQUAL = 0x35
const JUMP_ANY_BIT = 0x45
const RETURN = 0x06

/** Offsets in struct seccomp_data; both architectures are little-endian, so an argument's low word comes first. */
const NUMBER = 0
const ARCHITECTURE = 4
const argument = (index: number) => 16 + 8 * index

const ALLOW = 0x7fff0000
const KILL_PROCESS = 0x80000000
const fail = (errno: number) => 0x00050000 | errno
const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

/** CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET; CLONE_NEWTIME is clone3's alone. */
const NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_TYPE_MASK = 0xf
const NETLINK_ROUTE = 0

const load = (offset: number): Instruction => ({ code: LOAD_WORD, jumpTrue: 0, jumpFalse: 0, operand: offset })
const give = (verdict: number): Instruction => ({ code: RETURN, jumpTrue: 0, jumpFalse: 0, operand: verdict })
const and = (mask: number): Instruction => ({ code: AND, jumpTrue: 0, jumpFalse: 0, operand: mask })
const jump = (code: number, operand: number, jumpTrue: number, jumpFalse: number): Instruction => ({
  code,
  jumpTrue,
  jumpFalse,
  operand,
})
/** The block when the loaded word equals the value; the block must end in a return. */
const whenEqual = (value: number, block: readonly Instruction[]): readonly Instruction[] => [
  jump(JUMP_EQUAL, value, 0, block.length),
  ...block,
]

/**
 * The program for bubblewrap's `--seccomp`. A call of another architecture or convention kills the process.
 * @param options.refuseUncountedMemory where no cgroup limits memory
 * @param options.refuseLocalSockets where the network is the machine's, with the sockets of its services; pairs are left
 */
export function seccompProgram(
  architecture: Architecture,
  options: { refuseUncountedMemory: boolean; refuseLocalSockets?: boolean },
): Buffer {
  const facts = architectures[architecture]
  const refused = [
    ...numbersFor(refusedCalls, architecture),
    ...(options.refuseUncountedMemory ? numbersFor(uncountedMemoryCalls, architecture) : []),
  ]
  return assemble([
    load(ARCHITECTURE),
    jump(JUMP_EQUAL, facts.audit, 1, 0),
    give(KILL_PROCESS),
    load(NUMBER),
    ...(facts.foreignFrom === null ? [] : [jump(JUMP_GREATER_OR_EQUAL, facts.foreignFrom, 0, 1), give(KILL_PROCESS)]),
    ...numbersFor(absentCalls, architecture).flatMap((number) => whenEqual(number, [give(fail(ENOSYS))])),
    ...refused.flatMap((number) => whenEqual(number, [give(fail(EPERM))])),
    ...whenEqual(facts.clone, [
      load(argument(0)),
      jump(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1),
      give(fail(EPERM)),
      give(ALLOW),
    ]),
    ...whenEqual(facts.ioctl, [
      load(argument(1)),
      ...whenEqual(TIOCSTI, [give(fail(EPERM))]),
      ...whenEqual(TIOCLINUX, [give(fail(EPERM))]),
      give(ALLOW),
    ]),
    ...whenEqual(facts.socket, [load(argument(0)), ...localSockets(options), ...socketRules]),
    give(ALLOW),
  ])
}

const localSockets = (options: { refuseLocalSockets?: boolean }): readonly Instruction[] =>
  whenEqual(AF_UNIX, [give(options.refuseLocalSockets === true ? fail(EAFNOSUPPORT) : ALLOW)])

/** On the socket's family, which is loaded. */
const socketRules: readonly Instruction[] = [
  // Resolvers list interfaces over a raw netlink socket; the other netlink families are kernel code without use here.
  ...whenEqual(AF_NETLINK, [load(argument(2)), jump(JUMP_EQUAL, NETLINK_ROUTE, 0, 1), give(ALLOW), give(fail(EPERM))]),
  jump(JUMP_EQUAL, AF_INET, 2, 0),
  jump(JUMP_EQUAL, AF_INET6, 1, 0),
  give(fail(EAFNOSUPPORT)),
  load(argument(1)),
  and(SOCK_TYPE_MASK),
  ...whenEqual(SOCK_RAW, [give(fail(EPERM))]),
  give(ALLOW),
]

function assemble(instructions: readonly Instruction[]): Buffer {
  const program = Buffer.alloc(instructions.length * 8)
  for (const [index, { code, jumpTrue, jumpFalse, operand }] of instructions.entries()) {
    program.writeUInt16LE(code, index * 8)
    program.writeUInt8(jumpTrue, index * 8 + 2)
    program.writeUInt8(jumpFalse, index * 8 + 3)
    program.writeUInt32LE(operand >>> 0, index * 8 + 4)
  }
  return program
}
