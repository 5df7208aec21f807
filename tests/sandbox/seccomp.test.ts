import { describe, expect, it } from 'vitest'
import { seccompProgram } from '../../src/adapters/sandbox/seccomp.ts'
import {
  type Architecture,
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
    it('is what refuses them: without it, calls of the table are made', async () => {
      await using open = await createFixture({ driver: 'none' })
      const keyctl = numbersFor(
        refusedCalls.filter(([name]) => ['keyctl', 'ptrace'].includes(name)),
        architecture,
      )
      expect((await open.python(errorsOf(keyctl))).stdout.trim()).not.toMatch(/^1 1$/)
    })

    it('refuses memory that nobody counts where no cgroup does', async () => {
      await using watched = await createFixture({ memory: 'watch' })
      const numbers = numbersFor(uncountedMemoryCalls, architecture)
      expect((await watched.python(errorsOf(numbers))).stdout.trim()).toBe('1 1')
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
