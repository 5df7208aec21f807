import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SetUpRequest, SetUpResult } from '../../domain/ports/sandbox.ts'
import { openChannels } from './channels.ts'
import { fixedLimits } from './default-limits.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { kill, killUntilNone } from './host-processes.ts'
import { MARK, marked } from './marked-processes.ts'
import { removeTree } from './remove-tree.ts'
import { watchResidentMemory } from './resident-memory.ts'
import type { SetUpEnding } from './set-up-commands.ts'
import { setUpLayer } from './set-up-layer.ts'
import type { SetUpLog } from './set-up-log.ts'
import { followSetUp } from './set-up-process.ts'

/**
 * Runs setup commands without isolation, with the server's rights. Only what they leave in their working directory
 * belongs to the layer: what they change of the machine stays changed.
 */
export function setUpUnconfined(searchPath: string, request: SetUpRequest): Promise<SetUpResult> {
  return setUpLayer(request, null, async (directory) => {
    const home = join(directory, 'home')
    await mkdir(home)
    return {
      notes: ['no isolation: these commands can do all that the server can, and what they change of the machine stays'],
      run: (argv, log, signal) =>
        runOne({ searchPath, home, workspace: join(directory, 'workspace') }, request, { argv, log, signal }),
      finish: () => removeTree(home),
      end: async () => {},
    }
  })
}

async function runOne(
  { searchPath, home, workspace }: { searchPath: string; home: string; workspace: string },
  { limits }: Pick<SetUpRequest, 'limits'>,
  { argv, log, signal }: { argv: readonly string[]; log: SetUpLog; signal: AbortSignal },
): Promise<SetUpEnding> {
  const run = randomBytes(12).toString('hex')
  const prlimit = process.platform === 'linux' ? findProgram('prlimit', SYSTEM_PATH) : null
  const limited = [`--fsize=${limits.fileBytes}`, `--nofile=${fixedLimits.openFiles}`, '--core=0', '--']
  const [program = '', ...rest] = [...(prlimit === null ? [] : [prlimit, ...limited]), ...argv]
  const channels = await openChannels(undefined)
  const child = spawn(program, rest, {
    cwd: workspace,
    env: {
      PATH: `${dirname(process.execPath)}:${searchPath}`,
      HOME: home,
      LANG: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
      [MARK]: run,
    },
    stdio: ['ignore', channels.stdout, channels.stderr],
    detached: true,
  })
  channels.release()
  const killAll = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) kill(-child.pid)
    for (const pid of marked(run)) kill(pid)
  }
  const memory = { isExceeded: false }
  const stopWatch =
    child.pid === undefined || process.platform !== 'linux'
      ? () => {}
      : watchResidentMemory(child.pid, limits.memoryBytes, () => {
          memory.isExceeded = true
          killAll()
        })
  try {
    const clear = () => killUntilNone(() => marked(run), fixedLimits.deathMs)
    const ending = await followSetUp({ child, outputs: channels.outputs, log }, { signal, kill: killAll, clear })
    return { ...ending, isOutOfMemory: memory.isExceeded }
  } finally {
    stopWatch()
  }
}
