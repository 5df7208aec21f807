/** The contents of many blobs, one after the other, by one process and without holding any of them in memory. */

import { Readable } from 'node:stream'
import type { BlobStream } from '../../domain/ports/git-store.ts'
import { spawnPiped } from '../processes/spawn-piped.ts'
import { gitEnvironment } from './git-environment.ts'
import { isObjectId } from './git-objects.ts'
import { MissingObjectError } from './repository.ts'
import { GitCommandError, type GitRunnerOptions } from './run-git.ts'

const keptWords = 4096
const keptChunks = 16
/** Ids in one write. */
const batchSize = 512

/**
 * Git waits while nothing is read. The process ends when the reader is through, leaves or fails.
 * @throws MissingObjectError for an id that no blob has
 * @throws GitCommandError with git's own words for an object that is damaged
 * @throws Error when the server may open no more files
 */
export async function* streamBlobs(
  options: GitRunnerOptions,
  repository: string,
  ids: readonly string[],
): AsyncGenerator<BlobStream> {
  if (ids.length === 0) return
  if (!ids.every(isObjectId)) throw new TypeError('a blob is read by its full object id')
  const argv = [`--git-dir=${repository}`, 'cat-file', '--batch', '--buffer']
  options.onSpawn?.(argv)
  const child = spawnPiped('git', argv, { cwd: repository, env: gitEnvironment(options) })
  const words: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => {
    if (words.length < keptChunks) words.push(chunk.subarray(0, keptWords))
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve)
    child.on('error', reject)
  })
  // The failure is told where the process is waited for.
  ended.catch(() => undefined)
  const questions = Readable.from(inBatches(ids))
  // A git that ended early has closed the pipe; its words say why.
  child.stdin.on('error', () => questions.destroy())
  questions.pipe(child.stdin)

  const endedEarly = async (id: string) => {
    const exitCode = await ended
    const said = Buffer.concat(words).subarray(0, keptWords).toString('utf8').trimEnd()
    return new GitCommandError('cat-file', exitCode, said, `could not read the blob ${id}`)
  }
  const reader = createReader(child.stdout)
  try {
    for (const id of ids) {
      const line = await reader.line()
      if (line === null) throw await endedEarly(id)
      const [, kind, length] = line.match(/^[0-9a-f]+ (\w+) (\d+)$/) ?? []
      if (kind !== 'blob') throw new MissingObjectError('blob', id)
      const size = Number(length)
      let left = size
      const next = async (): Promise<Buffer | null> => {
        if (left === 0) return null
        const piece = await reader.piece(left)
        if (piece === null) throw await endedEarly(id)
        left -= piece.length
        return piece
      }
      yield { objectId: id, size, content: pieces(next) }
      while (left > 0) await next()
      // The content is followed by a newline that is no part of it.
      if ((await reader.piece(1)) === null) throw await endedEarly(id)
    }
  } finally {
    questions.destroy()
    child.kill('SIGKILL')
    // What is left in the pipe would keep the process from being seen as gone.
    child.stdout.destroy()
    await ended
  }
}

/** A write for each id would cost more than its answer. */
function* inBatches(ids: readonly string[]): Generator<string> {
  for (let at = 0; at < ids.length; at += batchSize) yield `${ids.slice(at, at + batchSize).join('\n')}\n`
}

async function* pieces(next: () => Promise<Buffer | null>): AsyncGenerator<Buffer> {
  for (let piece = await next(); piece !== null; piece = await next()) yield piece
}

function createReader(stream: AsyncIterable<Buffer>) {
  const chunks = stream[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const fill = async (): Promise<boolean> => {
    const { value, done } = await chunks.next()
    if (done) return false
    rest = rest.length === 0 ? value : Buffer.concat([rest, value])
    return true
  }
  return {
    /** Null when the stream has ended. */
    async line(): Promise<string | null> {
      for (;;) {
        const end = rest.indexOf(0x0a)
        if (end >= 0) {
          const line = rest.toString('latin1', 0, end)
          rest = rest.subarray(end + 1)
          return line
        }
        if (!(await fill())) return null
      }
    },
    /** At most so many bytes, at least one; null when the stream has ended. */
    async piece(most: number): Promise<Buffer | null> {
      if (rest.length === 0 && !(await fill())) return null
      const piece = rest.subarray(0, most)
      rest = rest.subarray(piece.length)
      return piece
    },
  }
}
