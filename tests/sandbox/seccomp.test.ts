import { afterAll, describe, expect, it } from 'vitest'
import { seccompProgram } from '../../src/adapters/sandbox/seccomp.ts'
import {
  type Architecture,
  absentCalls,
  numbersFor,
  refusedCalls,
  uncountedMemoryCalls,
} from '../../src/adapters/sandbox/syscalls.ts'
import { createFixture, reasonToSkip } from './sandbox-fixture.ts'

const skipReason = await reasonToSkip()
const architecture = process.arch as Architecture

/** Prints the error number of each call, made with arguments that touch nothing. */
const errorsOf = (numbers: readonly number[]) => `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in ${JSON.stringify(numbers)}:
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    print(ctypes.get_errno() if result == -1 else "allowed", end=" ")`

describe.skipIf(skipReason !== null)(
  `the system-call filter${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  async () => {
    const fixture = await createFixture()
    const { python } = fixture
    afterAll(() => fixture[Symbol.asyncDispose]())

    it('refuses every call of its table', async () => {
      const numbers = numbersFor(refusedCalls, architecture)
      const result = await python(errorsOf(numbers))
      expect(result.stdout.trim()).toBe(numbers.map(() => 1).join(' '))
    })

    it('is what refuses them: without it, calls of the table are made', async () => {
      await using open = await createFixture({ driver: 'none' })
      const keyctl = numbersFor(
        refusedCalls.filter(([name]) => ['keyctl', 'ptrace'].includes(name)),
        architecture,
      )
      expect((await open.python(errorsOf(keyctl))).stdout.trim()).not.toMatch(/^1 1$/)
    })

    it('answers as an old kernel does where programs have another way', async () => {
      const numbers = numbersFor(absentCalls, architecture)
      expect((await python(errorsOf(numbers))).stdout.trim()).toBe(numbers.map(() => 38).join(' '))
    })

    it('refuses memory that nobody counts where no cgroup does', async () => {
      await using watched = await createFixture({ memory: 'watch' })
      const numbers = numbersFor(uncountedMemoryCalls, architecture)
      expect((await watched.python(errorsOf(numbers))).stdout.trim()).toBe('1 1')
    })

    it('lets processes and threads be made, but no namespaces', async () => {
      const clone = architecture === 'x64' ? 56 : 220
      const result = await python(`
import ctypes, subprocess, threading
threading.Thread(target=print, args=("thread",)).start()
print(subprocess.run(["echo", "process"], capture_output=True, text=True).stdout.strip())
libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    pid = libc.syscall(${clone}, ctypes.c_ulong(flag | 17), 0, 0, 0, 0)
    if pid == 0: libc._exit(0)
    print(ctypes.get_errno() if pid == -1 else "made", end=" ")`)
      expect(result.stdout).toBe('thread\nprocess\n1 1 1 1 1 1 1 ')
    })

    it('gives stream sockets, and no raw, packet, other netlink or exotic ones', async () => {
      const result = await python(`
import socket, errno
for family, kind, protocol in ((1, 1, 0), (2, 1, 0), (10, 2, 0), (16, 3, 0), (2, 3, 1), (10, 3 | 0o2000000, 58), (17, 3, 768), (16, 3, 12), (38, 5, 0), (40, 1, 0)):
    try: socket.socket(family, kind, protocol).close(); print("made", end=" ")
    except OSError as e: print(errno.errorcode[e.errno], end=" ")`)
      expect(result.stdout.trim()).toBe('made made made made EPERM EPERM EAFNOSUPPORT EPERM EAFNOSUPPORT EAFNOSUPPORT')
    })

    it('refuses to push text into a terminal', async () => {
      const result = await python(`
import fcntl, os
leader, follower = os.openpty()
for request in (0x5412, 0x541c):
    try: fcntl.ioctl(follower, request, b"x"); print("pushed")
    except PermissionError: print("refused")`)
      expect(result.stdout).toBe('refused\nrefused\n')
    })

    it.runIf(architecture === 'x64')('kills what calls by another convention', async () => {
      const x32 = await python('import ctypes; print(ctypes.CDLL(None).syscall(0x40000000 + 39))')
      expect(x32).toMatchObject({ exitCode: null, signal: 'SIGSYS' })
      // mov eax, 20; int 0x80; ret: getpid as 32-bit programs call it.
      const i386 = await python(`
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7); code.write(b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3")
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())`)
      expect(i386.exitCode).toBeNull()
      expect(['SIGSYS', 'SIGSEGV']).toContain(i386.signal)
    })
  },
)

describe('the program of the filter', () => {
  it.each(['x64', 'arm64'] as const)('has jumps that stay within it and ends in a verdict (%s)', (arch) => {
    const program = seccompProgram(arch, { refuseUncountedMemory: true })
    const count = program.length / 8
    for (let index = 0; index < count; index++) {
      const code = program.readUInt16LE(index * 8)
      const furthest = Math.max(program.readUInt8(index * 8 + 2), program.readUInt8(index * 8 + 3))
      if ((code & 7) === 5) expect(index + 1 + furthest).toBeLessThan(count)
    }
    expect(program.readUInt16LE(program.length - 8)).toBe(6)
  })
})
