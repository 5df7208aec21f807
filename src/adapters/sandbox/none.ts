import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { openChannels } from './channels.ts'
import { checkCommand } from './check-command.ts'
import { fixedLimits } from './default-limits.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { kill, killUntilNone } from './host-processes.ts'
import { memoryNote } from './judge-ending.ts'
import { watchResidentMemory } from './resident-memory.ts'
import { neverStarted, supervise } from './supervise.ts'

/** In the environment of each process of a run: it stays through setsid and double forks, though not against intent. */
const MARK = 'COUNTERSIGN_RUN'

/**
 * The driver without isolation: the command has the server's rights, files and network. It holds time, output and,
 * where the system can, memory and file size. It must be asked for by name.
 */
export function createUnconfinedSandbox(options: { readonly searchPath: string }): Sandbox {
  const prlimit = process.platform === 'linux' ? findProgram('prlimit', SYSTEM_PATH) : null
  return {
    driver: 'none',
    availability: async () => ({
      available: true,
      driver: 'none',
      detail: 'no isolation: commands can do all that the server can',
    }),
    async run(command) {
      const workspace = checkCommand(command)
      if (command.signal?.aborted) return { ...neverStarted, driver: 'none' }
      const home = await mkdtemp(join(tmpdir(), 'countersign-home-'))
      try {
        const run = randomBytes(12).toString('hex')
        const limits = [`--fsize=${command.limits.fileBytes}`, `--nofile=${fixedLimits.openFiles}`, '--core=0', '--']
        const [program = '', ...rest] = [...(prlimit === null ? [] : [prlimit, ...limits]), ...command.argv]
        const channels = await openChannels(command.stdin, [])
        const child = spawn(program, rest, {
          cwd: workspace,
          env: {
            ...command.environment,
            PATH: `${dirname(process.execPath)}:${options.searchPath}`,
            HOME: home,
            LANG: 'C.UTF-8',
            [MARK]: run,
          },
          stdio: [channels.stdin ?? 'ignore', channels.stdout, channels.stderr],
          detached: true,
        })
        channels.release()
        const killAll = () => {
          if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) kill(-child.pid)
          for (const pid of marked(run)) kill(pid)
        }
        const memory = { exceeded: false }
        const stopWatch =
          child.pid === undefined || process.platform !== 'linux'
            ? () => {}
            : watchResidentMemory(child.pid, command.limits.memoryBytes, () => {
                memory.exceeded = true
                killAll()
              })
        try {
          const ending = await supervise({
            child,
            outputs: channels.outputs,
            command,
            begun: Promise.resolve(),
            kill: killAll,
            clear: () => killUntilNone(() => marked(run), fixedLimits.deathMs),
          })
          const note = memory.exceeded ? memoryNote(command.limits.memoryBytes) : ''
          return { ...ending, stderr: ending.stderr + note, driver: 'none' }
        } finally {
          stopWatch()
        }
      } finally {
        await rm(home, { recursive: true, force: true })
      }
    },
  }
}

function marked(run: string): readonly number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`${MARK}=${run}`))
    .map(Number)
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    // Ended since, or another user's and so none of ours.
    return ''
  }
}
