import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type SpawnOptionsWithoutStdio,
  spawn,
} from 'node:child_process'

/**
 * What to say of a child for which the server had no descriptors left; null for any other. Node makes no streams then,
 * and emits why at a time when nobody listens yet, which would end the server.
 */
export function withoutDescriptors(child: ChildProcess, program: string): string | null {
  if ((child.stdio as unknown) !== undefined) return null
  child.on('error', () => {})
  return `${program} could not be started: the server has as many files open as it may. Raise its limit (ulimit -n).`
}

/**
 * Starts a program whose input and outputs are pipes.
 * @throws Error in words when the server may open no more files; any other failure is the child's `error`
 */
export function spawnPiped(
  program: string,
  argv: readonly string[],
  options: Omit<SpawnOptionsWithoutStdio, 'stdio'>,
): ChildProcessWithoutNullStreams {
  const child = spawn(program, argv, { ...options, stdio: 'pipe' })
  const fault = withoutDescriptors(child, program)
  if (fault !== null) throw new Error(fault)
  return child
}
