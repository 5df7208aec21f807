/** A first commit from a stream of files, as one pack, by `git fast-import`. */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Signature } from '../../domain/ports/git-store.ts'
import { branchRef } from './branch-names.ts'
import { formatSignature } from './git-objects.ts'
import { branchHead } from './refs.ts'
import type { Repository } from './repository.ts'

export interface FirstCommit {
  readonly branch: string
  readonly message: string
  readonly author: Signature
}

export interface StreamedFile {
  readonly path: string
  readonly mode: '100644' | '100755'
  /** In bytes; the content must have exactly so many. */
  readonly size: number
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

const blockBytes = 256 * 1024

/**
 * @param placeOf the path at which a file is put, asked when all files have been seen
 * @throws what the files throw; GitCommandError. Then there is no commit, and what was written is removed
 */
export async function importStream(
  repository: Repository,
  files: AsyncIterable<StreamedFile> | Iterable<StreamedFile>,
  commit: FirstCommit,
  placeOf: (path: string) => string = (path) => path,
): Promise<string> {
  branchRef(commit.branch)
  const run = repository.git({
    // Without the closing "done", a stream that was cut moves no branch.
    args: ['fast-import', '--quiet', '--done', '--date-format=raw', '--depth=0'],
    configuration: [
      ['fastimport.unpackLimit', '0'],
      ['core.compression', '1'],
    ],
    stdin: Readable.from(inBlocks(commands(files, commit, placeOf)), { objectMode: false, highWaterMark: 256 * 1024 }),
  })
  try {
    await run
  } catch (error) {
    await removeLeftovers(repository.directory)
    throw error
  }
  const head = await branchHead(repository, commit.branch)
  if (head === null) throw new Error('git fast-import made no branch')
  return head
}

async function* commands(
  files: AsyncIterable<StreamedFile> | Iterable<StreamedFile>,
  commit: FirstCommit,
  placeOf: (path: string) => string,
): AsyncGenerator<Uint8Array> {
  const placed: { path: string; mode: string }[] = []
  for await (const { path, mode, size, content } of files) {
    placed.push({ path, mode })
    yield Buffer.from(`blob\nmark :${placed.length}\ndata ${size}\n`)
    for await (const piece of content) yield piece
    yield Buffer.from('\n')
  }
  const signature = formatSignature(commit.author)
  const message = Buffer.from(commit.message.endsWith('\n') ? commit.message : `${commit.message}\n`)
  yield Buffer.from(`commit ${branchRef(commit.branch)}\nauthor ${signature}\ncommitter ${signature}\n`)
  yield Buffer.from(`data ${message.length}\n`)
  yield message
  yield Buffer.from('\n')
  for (const [index, { path, mode }] of placed.entries()) {
    yield Buffer.from(`M ${mode} :${index + 1} ${quote(placeOf(path))}\n`)
  }
  yield Buffer.from('\ndone\n')
}

/** A pipe takes a few large blocks much faster than many small ones. */
async function* inBlocks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    block.push(piece)
    size += piece.length
    if (size < blockBytes) continue
    yield Buffer.concat(block)
    block = []
    size = 0
  }
  yield Buffer.concat(block)
}

/** The half-written pack and the crash report of a git that was stopped. */
async function removeLeftovers(repository: string): Promise<void> {
  const packs = join(repository, 'objects', 'pack')
  for (const [directory, prefix] of [
    [repository, 'fast_import_crash_'],
    [packs, 'tmp_'],
  ] as const) {
    for (const name of await readdir(directory)) {
      if (name.startsWith(prefix)) await rm(join(directory, name), { force: true })
    }
  }
}

function quote(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`
}
