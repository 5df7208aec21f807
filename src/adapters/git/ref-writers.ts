/** Long-lived `git update-ref --stdin`, one for each repository in use: a reference moves without a new process. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawnPiped } from '../processes/spawn-piped.ts'
import { gitEnvironment } from './git-environment.ts'
import type { GitRunnerOptions } from './run-git.ts'

export interface RefWriters {
  /**
   * Moves a reference in one transaction, from a value if one is given. Names and ids must have been checked for shape:
   * they are lines of the protocol.
   * @returns whether git confirmed it; if not, it may be done all the same, and where the reference stands tells
   * @throws Error when the server may open no more files
   */
  move(repository: string, ref: string, to: string, from: string | null): Promise<boolean>
  /** Ends the writer of a repository that is about to be replaced or removed. */
  drop(repository: string): Promise<void>
  dropAll(): Promise<void>
}

interface Writer {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<void>
  /** What waits for "commit: ok". */
  waiting: ((confirmed: boolean) => void) | null
  hasEnded: boolean
  /** Settles when the last move that was asked for has ended. */
  last: Promise<unknown>
  /** Moves that were asked for and have not ended. */
  pending: number
  idle: NodeJS.Timeout | undefined
}

const confirmation = 'start: ok\ncommit: ok\n'

/**
 * @param limits.idleMs a writer that has nothing to do for so long is ended
 * @param limits.open more writers than this are open only while all of them are busy
 */
export function createRefWriters(
  options: GitRunnerOptions,
  limits: { readonly idleMs: number; readonly open: number },
): RefWriters {
  // In the order of last use, the longest unused first.
  const writers = new Map<string, Writer>()

  const open = (repository: string): Writer => {
    const known = writers.get(repository)
    writers.delete(repository)
    const writer = known && !known.hasEnded ? known : startWriter(options, repository)
    writers.set(repository, writer)
    for (const [other, candidate] of writers) {
      if (writers.size <= limits.open) break
      if (candidate !== writer && candidate.pending === 0) void close(other, candidate)
    }
    return writer
  }

  const close = async (repository: string, writer: Writer) => {
    clearTimeout(writer.idle)
    if (writers.get(repository) === writer) writers.delete(repository)
    await writer.last
    writer.child.stdin.end()
    await writer.ended
  }

  return {
    async move(repository, ref, to, from) {
      const writer = open(repository)
      clearTimeout(writer.idle)
      writer.pending += 1
      const moved = writer.last.then(() => commit(writer, ref, to, from, options.timeoutMs))
      writer.last = moved.then(() => {
        writer.pending -= 1
        if (writer.pending === 0 && !writer.hasEnded) {
          writer.idle = setTimeout(() => void close(repository, writer), limits.idleMs)
        }
      })
      return await moved
    },
    async drop(repository) {
      const writer = writers.get(repository)
      if (writer) await close(repository, writer)
    },
    async dropAll() {
      await Promise.all([...writers].map(([repository, writer]) => close(repository, writer)))
    },
  }
}

function startWriter(options: GitRunnerOptions, repository: string): Writer {
  const argv = [`--git-dir=${repository}`, 'update-ref', '--stdin']
  options.onSpawn?.(argv)
  const child = spawnPiped('git', argv, { cwd: repository, env: gitEnvironment(options), detached: true })
  const ended = Promise.withResolvers<void>()
  const writer: Writer = {
    child,
    ended: ended.promise,
    waiting: null,
    hasEnded: false,
    last: Promise.resolve(),
    pending: 0,
    idle: undefined,
  }
  const settle = (confirmed: boolean) => {
    writer.waiting?.(confirmed)
    writer.waiting = null
  }
  const finish = () => {
    writer.hasEnded = true
    settle(false)
  }
  let answer = ''
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    answer += text
    if (answer === confirmation) {
      answer = ''
      settle(true)
    } else if (!confirmation.startsWith(answer)) child.kill('SIGKILL')
  })
  child.stderr.resume()
  child.stdin.on('error', finish)
  child.on('error', () => {
    finish()
    ended.resolve()
  })
  child.on('close', () => {
    finish()
    ended.resolve()
  })
  return writer
}

/** A git that refuses a move ends; it never answers anything but "ok". */
function commit(writer: Writer, ref: string, to: string, from: string | null, timeoutMs: number): Promise<boolean> {
  if (writer.hasEnded) return Promise.resolve(false)
  return new Promise((resolve) => {
    const timer = setTimeout(() => writer.child.kill('SIGKILL'), timeoutMs)
    writer.waiting = (confirmed) => {
      clearTimeout(timer)
      resolve(confirmed)
    }
    const update = from === null ? `update ${ref} ${to}` : `update ${ref} ${to} ${from}`
    writer.child.stdin.write(`start\noption no-deref\n${update}\ncommit\n`)
  })
}
