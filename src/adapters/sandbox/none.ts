import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { openChannels } from './channels.ts'
import { checkCommand } from './check-command.ts'
import { copyWorkspace } from './copy-workspace.ts'
import { fixedLimits } from './default-limits.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { kill, killUntilNone } from './host-processes.ts'
import { MARK, marked } from './marked-processes.ts'
import { withScratch } from './scratch.ts'
import { hasLayerDirectory, removeLayerDirectory } from './set-up-layer.ts'
import { setUpUnconfined } from './set-up-none.ts'
import { neverStarted, supervise } from './supervise.ts'
import { treeSize } from './tree-size.ts'
import { watchExcess } from './watch-excess.ts'

/**
 * The driver without isolation: the command has the server's rights, files and network. It holds time and output;
 * where the system can, memory and file size; and looks at the workspace's size. It must be asked for by name.
 */
export function createUnconfinedSandbox(options: {
  readonly searchPath: string
  /** The server's own directory for what lives as long as a run. */
  readonly scratch: string
}): Sandbox {
  const prlimit = process.platform === 'linux' ? findProgram('prlimit', SYSTEM_PATH) : null
  return {
    driver: 'none',
    availability: async () => ({
      available: true,
      driver: 'none',
      detail: 'no isolation: commands can do all that the server can',
    }),
    async run(command) {
      const checked = checkCommand(command)
      if (command.signal?.aborted) return { ...neverStarted, driver: 'none' }
      return withScratch(options.scratch, async (scratch) => {
        const workspace = await copyWorkspace(scratch, checked)
        const size = await treeSize(workspace)
        const home = join(scratch, 'home')
        await mkdir(home)
        const run = randomBytes(12).toString('hex')
        const limits = [`--fsize=${command.limits.fileBytes}`, `--nofile=${fixedLimits.openFiles}`, '--core=0', '--']
        const [program = '', ...rest] = [...(prlimit === null ? [] : [prlimit, ...limits]), ...command.argv]
        const channels = await openChannels(command.stdin)
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
        const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
        const killAll = () => {
          if (child.pid !== undefined && isRunning()) kill(-child.pid)
          for (const pid of marked(run)) kill(pid)
        }
        const laid = { kind: 'copy', directory: workspace, size, removals: [] } as const
        const excess = watchExcess(child.pid, { command, laid, cgroup: null }, killAll)
        try {
          const ending = await supervise({
            child,
            outputs: channels.outputs,
            command,
            begun: Promise.resolve(),
            ask() {
              if (child.pid !== undefined && isRunning()) kill(-child.pid, 'SIGTERM')
              for (const pid of marked(run)) kill(pid, 'SIGTERM')
            },
            kill: killAll,
            clear: () => killUntilNone(() => marked(run), fixedLimits.deathMs),
          })
          const late = ending.timedOut ? { exitCode: null, signal: ending.signal ?? 'SIGTERM' } : {}
          const stderr = ending.stderr + (excess.note() ?? '')
          return { ...ending, ...late, stderr, outOfMemory: excess.ranOutOfMemory(), driver: 'none' }
        } finally {
          excess.stop()
        }
      })
    },
    setUp: (request) => setUpUnconfined(options.searchPath, request),
    hasLayer: hasLayerDirectory,
    removeLayer: removeLayerDirectory,
  }
}
