import { expect, it } from 'vitest'
import { type Architecture, absentCalls, numbersFor, refusedCalls } from '../../../src/adapters/sandbox/syscalls.ts'
import type { Fixture } from '../sandbox-fixture.ts'
import type { Driver } from './driver.ts'

const architecture = process.arch as Architecture

/** Prints the error number of each call, made with arguments that touch nothing. */
const errorsOf = (numbers: readonly number[]) => `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in ${JSON.stringify(numbers)}:
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    print(ctypes.get_errno() if result == -1 else "allowed", end=" ")`

/** Calls of a table with the error each got, where it was not the one that is due. */
const wrongly = (calls: typeof refusedCalls, output: string, due: number) => {
  const known = calls.filter((call) => numbersFor([call], architecture).length > 0)
  const got = output.trim().split(' ')
  return known.flatMap(([name], index) => (got[index] === String(due) ? [] : [`${name}: ${got[index]}`]))
}

/** The system-call filter. */
export function filterCases({ unknownCalls }: Driver, { python }: Fixture): void {
  const isKnown = (fault: string) => !unknownCalls.some((name) => fault.startsWith(`${name}: `))

  it('refuses every call of its table', async () => {
    const result = await python(errorsOf(numbersFor(refusedCalls, architecture)))
    expect(wrongly(refusedCalls, result.stdout, 1).filter(isKnown)).toEqual([])
  })

  it('answers as an old kernel does where programs have another way', async () => {
    const result = await python(errorsOf(numbersFor(absentCalls, architecture)))
    expect(wrongly(absentCalls, result.stdout, 38).filter(isKnown)).toEqual([])
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
for family, kind, protocol in ((1, 1, 0), (2, 1, 0), (10, 2, 0), (16, 3, 0), (2, 3, 1), (10, 3 | 0o2000000, 58), (17, 3, 768), (16, 3, 12), (38, 5, 0), (40, 1, 0), (5, 2, 0)):
    try: socket.socket(family, kind, protocol).close(); print("made", end=" ")
    except OSError as e: print(errno.errorcode[e.errno], end=" ")`)
    expect(result.stdout.trim()).toBe(
      'made made made made EPERM EPERM EAFNOSUPPORT EPERM EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT',
    )
  })

  it('is not deceived by what a call’s arguments have above the bits that the kernel reads', async () => {
    const [socket, ioctl] = architecture === 'x64' ? [41, 16] : [198, 29]
    const result = await python(`
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
leader, follower = os.openpty()
high = 1 << 32
for call in ((${socket}, high | 2, 3, 1), (${socket}, 2, high | 3, 1), (${socket}, high | 17, 3, 768), (${socket}, 16, 3, high | 12), (${ioctl}, follower, high | 0x5412, b"x")):
    result = libc.syscall(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in call))
    print("made" if result >= 0 else "refused", end=" ")`)
    expect(result.stdout.trim()).toBe('refused refused refused refused refused')
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
}
