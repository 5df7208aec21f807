/** Runs one git process with what simple-git lacks: bytes on stdin, bytes from stdout, limits, exit codes. */

import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { spawnPiped } from '../processes/spawn-piped.ts'
import { findProgram } from '../sandbox/find-program.ts'
import { type GitConfiguration, type GitEnvironmentOptions, gitEnvironment } from './git-environment.ts'

export interface GitRunnerOptions extends GitEnvironmentOptions {
  /** In milliseconds; then the whole process group is killed. */
  readonly timeoutMs: number
  /** Told of every process before it starts. */
  readonly onSpawn?: ((argv: readonly string[]) => void) | undefined
}

export interface GitRun {
  readonly args: readonly string[]
  /** The bare repository; without it git must find none. */
  readonly repository?: string
  /** Not beside another run that is to be alone in this repository. */
  readonly isAlone?: boolean
  readonly cwd?: string
  readonly stdin?: Uint8Array | Readable
  /** Takes stdout as it comes, without a limit, in place of the answer; it is ended. */
  readonly stdout?: Writable
  readonly configuration?: GitConfiguration
  readonly environment?: Readonly<Record<string, string>>
  /** Of stdout, in bytes (default 256 MiB). */
  readonly outputLimit?: number
  /** In milliseconds; the runner's own limit when absent. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Exit codes that are answers, not faults (default only 0). */
  readonly accept?: readonly number[]
}

export interface GitOutput {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** git ended with an exit code that was no answer, or had to be ended. */
export class GitCommandError extends Error {
  override readonly name = 'GitCommandError'
  readonly exitCode: number | null
  /** git's own words, at most 4 KB. */
  readonly stderr: string
  constructor(command: string, exitCode: number | null, stderr: string, why?: string) {
    super(`git ${command} ${why ?? `ended with ${exitCode}`}${stderr && `: ${stderr}`}`)
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

/** Another git works on the repository that is to be alone in it; perhaps the server that started it is gone. */
export class RepositoryBusyError extends Error {
  override readonly name = 'RepositoryBusyError'
  constructor(repository: string) {
    super(`somebody else packs ${repository}, or began to and was stopped: what they began has not ended yet`)
  }
}

export type GitRunner = (run: GitRun) => Promise<GitOutput>

const mebibyte = 1024 * 1024
const keptWords = 4096

/** It is never removed, since somebody may hold it. */
const aloneFile = 'countersign-alone'

/**
 * @throws GitCommandError (from the runner) for other exit codes than the accepted ones, a time or output limit
 * @throws RepositoryBusyError (from the runner) when it cannot be alone
 * @throws the signal's reason (from the runner) when it was aborted
 * @throws Error (from the runner) when the server may open no more files
 */
export function createGitRunner(options: GitRunnerOptions): GitRunner {
  return async (run) => {
    run.signal?.throwIfAborted()
    const argv = run.repository === undefined ? [...run.args] : [`--git-dir=${run.repository}`, ...run.args]
    options.onSpawn?.(argv)
    const alone = run.isAlone && run.repository !== undefined ? heldWhileAlive(options, run.repository) : []
    const child = startGit([...alone, 'git', ...argv], run.stdin, {
      cwd: run.cwd ?? run.repository ?? options.home,
      env: { ...gitEnvironment(options, run.configuration), ...run.environment },
      // A group of its own, so that helpers (remote-https, ssh, index-pack) end with it.
      detached: true,
    })
    return await new Promise((resolve, reject) => {
      const command = run.args[0] ?? ''
      const outputLimit = run.outputLimit ?? 256 * mebibyte
      const stdout: Buffer[] = []
      const stderr: Buffer[] = []
      let outputBytes = 0
      let wordBytes = 0
      let fault: unknown

      const stop = (reason: unknown) => {
        fault ??= reason
        killGroup(child.pid)
      }
      const onAbort = () => stop(run.signal?.reason)
      const timeoutMs = run.timeoutMs ?? options.timeoutMs
      const timer = setTimeout(() => {
        stop(new GitCommandError(command, null, '', `took longer than ${timeoutMs} ms`))
      }, timeoutMs)
      run.signal?.addEventListener('abort', onAbort, { once: true })

      if (run.stdout !== undefined) child.stdout.pipe(run.stdout.on('error', stop))
      else
        child.stdout.on('data', (chunk: Buffer) => {
          outputBytes += chunk.length
          if (outputBytes > outputLimit) {
            stop(new GitCommandError(command, null, '', `wrote more than ${outputLimit} bytes`))
            return
          }
          stdout.push(chunk)
        })
      child.stderr.on('data', (chunk: Buffer) => {
        if (wordBytes < keptWords) stderr.push(chunk)
        wordBytes += chunk.length
      })
      // A git that refuses its input early closes the pipe; its exit code and words then say why.
      child.stdin.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') stop(error)
      })
      child.on('error', stop)
      child.on('close', (exitCode) => {
        clearTimeout(timer)
        run.signal?.removeEventListener('abort', onAbort)
        if (run.stdin !== undefined && !(run.stdin instanceof Uint8Array)) run.stdin.destroy()
        const words = Buffer.concat(stderr).subarray(0, keptWords).toString('utf8').trimEnd()
        if (fault !== undefined) reject(fault)
        else if (alone.length > 0 && exitCode === 1 && words === '') {
          reject(new RepositoryBusyError(run.repository ?? ''))
        } else if (exitCode === null || !(run.accept ?? [0]).includes(exitCode)) {
          reject(new GitCommandError(command, exitCode, words))
        } else resolve({ exitCode, stdout: Buffer.concat(stdout), stderr: words })
      })
      if (run.stdin === undefined) child.stdin.end()
      else if (run.stdin instanceof Uint8Array) child.stdin.end(run.stdin)
      else {
        run.stdin.on('error', stop)
        run.stdin.pipe(child.stdin)
      }
    })
  }
}

/**
 * A lock of the file system, which the git process and its helpers themselves hold, and with them it ends. A lease says
 * who is to work, but a git goes on when the server that started it is killed or paused, and lets a lease go by. Network
 * file systems of Linux hold it between machines. Where there is no `flock` program the lease has to do.
 */
function heldWhileAlive({ searchPath }: GitRunnerOptions, repository: string): readonly string[] {
  const flock = findProgram('flock', searchPath)
  return flock === null ? [] : [flock, '-n', join(repository, aloneFile)]
}

/** What it was to read is let go when it cannot be started. */
function startGit(
  [program = '', ...argv]: readonly string[],
  stdin: GitRun['stdin'],
  options: Parameters<typeof spawnPiped>[2],
) {
  try {
    return spawnPiped(program, argv, options)
  } catch (error) {
    if (stdin !== undefined && !(stdin instanceof Uint8Array)) stdin.destroy()
    throw error
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It had ended already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
