/** How a program must end: with a code of its own, by the wall time, by a signal, or in any way within its limits. */
export type Ending = number | 'wall time' | 'SIGKILL' | 'any'

export interface HostileProgram {
  /** The file below `programs/`. */
  readonly file: string
  readonly ends: Ending
  /** Its numbers of system calls are those of one architecture. */
  readonly onlyOn?: 'x64'
}

const program = (file: string, ends: Ending, more: Partial<HostileProgram> = {}): HostileProgram => ({
  file,
  ends,
  ...more,
})

export const hostilePrograms: Readonly<Record<string, readonly HostileProgram[]>> = {
  'that will not end': [
    program('spin.py', 'wall time'),
    program('deaf-sleep.sh', 'wall time'),
    program('stopped.py', 'wall time'),
    program('silent.py', 'wall time'),
    program('daemon.py', 0),
    program('respawn.py', 0),
    program('many-sessions.py', 0),
    program('detached.mjs', 4),
  ],
  'that multiply': [
    program('fork-bomb.py', 'wall time'),
    program('fork-bomb.sh', 'any'),
    program('thread-bomb.py', 0),
    program('zombies.py', 0),
    program('exec-chain.sh', 'wall time'),
    program('worker-bomb.mjs', 'any'),
  ],
  'that take memory': [
    program('memory-hog.py', 'SIGKILL'),
    program('memory-children.py', 'any'),
    program('memory-shared.py', 'SIGKILL'),
    program('memory-memfd.py', 'any'),
    program('memory-tmpfs.py', 'any'),
    program('memory-node.mjs', 'any'),
    program('recursion.py', 'any'),
  ],
  'that leave traps on the disk': [
    program('huge-file.py', 0),
    program('many-files.py', 'any'),
    program('deep-tree.py', 'any'),
    program('links-out.py', 0),
    program('special-files.py', 0),
    program('odd-names.py', 0),
    program('planted-git.sh', 0),
    program('write-out.py', 0),
    program('swapping-links.py', 0),
    program('sparse-files.py', 0),
    program('fill-disk.py', 'any'),
  ],
  'that write what hurts readers': [
    program('flood.py', 'wall time'),
    program('terminal.py', 0),
    program('bad-text.py', 0),
  ],
  'that want a network': [
    program('host-loopback.py', 0),
    program('host-sockets.py', 0),
    program('metadata.py', 0),
    program('exfiltrate.py', 0),
    program('raw-sockets.py', 0),
    program('interfaces.py', 0),
    program('node-fetch.mjs', 0),
  ],
  'that look for secrets': [
    program('proc-secrets.sh', 0),
    program('host-files.py', 0),
    program('walk.sh', 0),
    program('proc-root.py', 0),
    program('descriptors.py', 9),
    program('kernel-memory.py', 0),
  ],
  'that attack other processes': [
    program('host-processes.py', 0),
    program('kill-all.py', 'SIGKILL'),
    program('kill-first.py', 7),
    program('ptrace.py', 0, { onlyOn: 'x64' }),
    program('first-process.py', 0),
  ],
  'that want out': [
    program('mount.py', 0),
    program('namespaces.py', 0),
    program('clone.py', 0, { onlyOn: 'x64' }),
    program('kernel.py', 0, { onlyOn: 'x64' }),
    program('other-convention.py', 0, { onlyOn: 'x64' }),
    program('settings.py', 0),
    program('become-root.py', 0),
    program('devices.py', 0),
  ],
  'that forge their verdict': [program('forged-summary.py', 1), program('forged-status.py', 9)],
}
