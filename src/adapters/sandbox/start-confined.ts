import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import { withoutDescriptors } from '../processes/spawn-piped.ts'
import type { Channels } from './channels.ts'

interface Start {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly channels: Channels
  /** What the child reads to its end, by descriptor: of pipes, since every file would be made and removed on a disk. */
  readonly contents: Readonly<Record<number, string | Buffer>>
  /** The descriptors that the child writes to, beside its outputs. */
  readonly reports: readonly number[]
}

/** Contents for descriptors that the server itself was given by its parent: whoever reads these, closes them. */
export function nothingFrom(descriptors: readonly number[]): Readonly<Record<number, string>> {
  return Object.fromEntries(descriptors.map((descriptor) => [descriptor, '']))
}

/**
 * Starts what will confine a command, in a process group of its own: to end what runs before there is a sandbox.
 * @throws SandboxUnavailableError when the server may open no more files, and the system's error for what it refuses
 */
export function startConfined({ argv, environment, channels, contents, reports }: Start): {
  readonly child: ChildProcess
  report(descriptor: number): Readable
} {
  const given = Object.keys(contents).map(Number)
  const stdio: (number | 'ignore' | 'pipe')[] = Array(Math.max(...given, ...reports) + 1).fill('ignore')
  stdio.splice(0, 3, channels.stdin ?? 'ignore', channels.stdout, channels.stderr)
  for (const descriptor of [...given, ...reports]) stdio[descriptor] = 'pipe'
  const [program = '', ...rest] = argv
  try {
    const child = spawn(program, rest, { cwd: '/', env: environment, stdio, detached: true })
    const fault = withoutDescriptors(child, program)
    if (fault !== null) throw new SandboxUnavailableError(fault)
    const pipes: readonly unknown[] = child.stdio
    for (const descriptor of given) {
      const pipe = pipes[descriptor] as Writable
      // A child that ends before it has read is judged by its end.
      pipe.on('error', () => {})
      pipe.end(contents[descriptor])
    }
    return { child, report: (descriptor) => pipes[descriptor] as Readable }
  } catch (error) {
    for (const output of channels.outputs) output.destroy()
    throw error
  } finally {
    channels.release()
  }
}
