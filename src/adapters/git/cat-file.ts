/** One long-lived `git cat-file --batch-command`: objects by id, answered in the order of asking. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawnPiped } from '../processes/spawn-piped.ts'
import { gitEnvironment } from './git-environment.ts'
import type { ObjectKind } from './git-objects.ts'
import type { GitRunnerOptions } from './run-git.ts'

export interface ObjectHeader {
  readonly id: string
  readonly kind: ObjectKind
  readonly size: number
}

export interface ReadObject extends ObjectHeader {
  readonly content: Buffer
}

export interface CatFile {
  /** Null when there is no such object. The name must have been checked for shape: it is one line of the protocol. */
  info(name: string): Promise<ObjectHeader | null>
  contents(name: string): Promise<ReadObject | null>
  readonly isBusy: boolean
  readonly hasEnded: boolean
  end(): Promise<void>
}

/** The process ended before it answered; the question can be put to a new one. */
export class CatFileEndedError extends Error {
  override readonly name = 'CatFileEndedError'
}

interface Question {
  readonly wantsContent: boolean
  readonly resolve: (answer: ReadObject | null) => void
  readonly reject: (error: Error) => void
}

const noContent = Buffer.alloc(0)

/** @throws Error when the server may open no more files */
export function startCatFile(options: GitRunnerOptions, repository: string): CatFile {
  const argv = [`--git-dir=${repository}`, 'cat-file', '--batch-command']
  options.onSpawn?.(argv)
  const child = spawnPiped('git', argv, { cwd: repository, env: gitEnvironment(options), detached: true })
  const questions: Question[] = []
  const exit = Promise.withResolvers<void>()
  let ended = false

  const finish = (why: string) => {
    ended = true
    for (const question of questions.splice(0)) question.reject(new CatFileEndedError(why))
  }
  readAnswers(child, questions, (why) => {
    finish(why)
    child.kill('SIGKILL')
  })
  child.stderr.resume()
  // The close event follows and tells those who wait.
  child.stdin.on('error', () => finish('git cat-file closed its input'))
  child.on('error', (error) => {
    finish(`git cat-file did not start: ${error.message}`)
    exit.resolve()
  })
  child.on('close', () => {
    finish('git cat-file ended')
    exit.resolve()
  })

  const ask = (command: 'info' | 'contents', name: string) =>
    new Promise<ReadObject | null>((resolve, reject) => {
      if (/\s/.test(name)) throw new TypeError('an object name must be one word')
      if (ended) {
        reject(new CatFileEndedError('git cat-file ended'))
        return
      }
      questions.push({ wantsContent: command === 'contents', resolve, reject })
      child.stdin.write(`${command} ${name}\n`)
    })

  return {
    info: (name) => ask('info', name),
    contents: (name) => ask('contents', name),
    get isBusy() {
      return questions.length > 0
    },
    get hasEnded() {
      return ended
    },
    end() {
      ended = true
      child.stdin.end()
      return exit.promise
    },
  }
}

function readAnswers(
  child: ChildProcessWithoutNullStreams,
  questions: Question[],
  onProtocolFault: (why: string) => void,
): void {
  let line = ''
  let header: ObjectHeader | null = null
  let chunks: Buffer[] = []
  let missing = 0

  const answer = (object: ReadObject | null) => questions.shift()?.resolve(object)

  child.stdout.on('data', (data: Buffer) => {
    let at = 0
    while (at < data.length) {
      if (header !== null) {
        const piece = data.subarray(at, at + missing)
        chunks.push(piece)
        missing -= piece.length
        at += piece.length
        if (missing > 0) continue
        // The content is followed by a newline that is no part of it.
        const whole = Buffer.concat(chunks)
        answer({ ...header, content: whole.subarray(0, header.size) })
        header = null
        chunks = []
        continue
      }
      const end = data.indexOf(0x0a, at)
      line += data.toString('latin1', at, end < 0 ? data.length : end)
      if (end < 0) return
      at = end + 1
      const parsed = parseHeader(line)
      line = ''
      if (parsed === undefined) {
        onProtocolFault('git cat-file gave an answer that is none')
        return
      }
      if (parsed === null) answer(null)
      else if (questions[0]?.wantsContent) {
        header = parsed
        missing = parsed.size + 1
      } else answer({ ...parsed, content: noContent })
    }
  })
}

/** Null: there is no such object; undefined: not understood. */
function parseHeader(line: string): ObjectHeader | null | undefined {
  if (/ (missing|ambiguous)$/.test(line)) return null
  const [, id, kind, size] = line.match(/^([0-9a-f]+) (blob|tree|commit|tag) (\d+)$/) ?? []
  if (id === undefined || kind === undefined) return undefined
  return { id, kind: kind as ObjectKind, size: Number(size) }
}
