/** `git apply` on nothing but the touched files, in a directory outside any repository, under names of our own. */

import { constants } from 'node:fs'
import { mkdtemp, open, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PatchRejectedError } from '../../domain/errors.ts'
import { inParallel } from './in-parallel.ts'
import type { PlacedHunk } from './place-hunks.ts'
import { GitCommandError, type GitRunner } from './run-git.ts'

export interface ScratchFile {
  readonly before: Buffer
  readonly hunks: readonly PlacedHunk[]
}

/** git refused; its words name files by their number in the list. */
export class ScratchRefusedError extends Error {
  override readonly name = 'ScratchRefusedError'
  /** Which file, from 0; null when git named none. */
  readonly file: number | null
  /** The first line of the hunk that git could not apply. */
  readonly line: number | null
  constructor(words: string) {
    super(words)
    const [, file, line] = words.match(/patch failed: (\d+):(\d+)/) ?? []
    this.file = file === undefined ? null : Number(file)
    this.line = line === undefined ? null : Number(line)
  }
}

/** git's time grows with hunks times lines: a patch within all limits could keep it busy for hours. */
const applyMs = 20_000

/**
 * The files' new contents, in the same order. The names on the disk are numbers, so neither a name nor a
 * `.gitattributes` of the project has any meaning here.
 * @throws ScratchRefusedError; PatchRejectedError when it takes too long
 */
export async function applyInScratch(
  git: GitRunner,
  scratch: string,
  files: readonly ScratchFile[],
  maxBytes: number,
): Promise<Buffer[]> {
  const directory = await realpath(await mkdtemp(join(scratch, 'patch-')))
  try {
    await inParallel([...files.entries()], ([index, { before }]) =>
      writeFile(join(directory, String(index)), before, { flag: 'wx', mode: 0o600 }),
    )
    await runApply(git, directory, Buffer.from(files.map(patchText).join(''), 'latin1'))
    const names = await readdir(directory)
    if (names.length !== files.length) throw new ScratchRefusedError('the patch made or removed other files')
    const results: Buffer[] = []
    await inParallel([...files.keys()], async (index) => {
      results[index] = await readPlainFile(join(directory, String(index)), maxBytes)
    })
    return results
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runApply(git: GitRunner, directory: string, patch: Buffer): Promise<void> {
  try {
    await git({
      args: ['apply', '--whitespace=nowarn', '-p1', '-'],
      cwd: directory,
      environment: { GIT_CEILING_DIRECTORIES: dirname(directory) },
      stdin: patch,
      timeoutMs: applyMs,
    })
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
    if (error.exitCode !== null) throw new ScratchRefusedError(error.stderr)
    throw new PatchRejectedError('TOO_LARGE', 'The patch takes git too long to apply.', { details: error.message })
  }
}

/** In git's own form, with the line numbers at which the hunks were found. */
function patchText({ hunks }: ScratchFile, index: number): string {
  const lines = [`diff --git a/${index} b/${index}`, `--- a/${index}`, `+++ b/${index}`]
  let shift = 0
  for (const { hunk, at } of hunks) {
    const { oldCount, newCount } = hunk
    const oldStart = oldCount === 0 ? at : at + 1
    const newStart = newCount === 0 ? at + shift : at + shift + 1
    lines.push(`@@ -${oldStart},${oldCount} +${newStart},${newCount} @@`)
    for (const line of hunk.lines) lines.push(line)
    shift += newCount - oldCount
  }
  return `${lines.join('\n')}\n`
}

async function readPlainFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await file.stat()
    if (size > maxBytes) throw new ScratchRefusedError(`a file would be larger than ${maxBytes} bytes`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}
