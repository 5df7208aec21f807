/** `git apply` on nothing but the touched files, in a directory outside any repository, under names of our own. */

import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFile,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PatchRejectedError } from '../../domain/errors.ts'
import type { Hunk } from './patch-sections.ts'
import { GitCommandError, type GitRunner } from './run-git.ts'

export interface ScratchFile {
  readonly before: Buffer
  readonly hunks: readonly Hunk[]
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

const newFile = { flag: 'wx', mode: 0o600 } as const

/** In bytes. */
const smallContent = 65_536
const filesAtOnce = 16

const readAside = promisify(readFile)

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
  const directory = realpathSync(mkdtempSync(join(scratch, 'patch-')))
  try {
    // git starts while the files are written, and waits for its patch.
    await runApply(git, directory, Readable.from(patchOnceWritten(directory, files)))
    const names = readdirSync(directory)
    if (names.length !== files.length) throw new ScratchRefusedError('the patch made or removed other files')
    const results: Buffer[] = []
    await forEach(files, async (_, index) => {
      results[index] = await readPlainFile(join(directory, String(index)), maxBytes)
    })
    return results
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function* patchOnceWritten(directory: string, files: readonly ScratchFile[]): AsyncGenerator<Buffer> {
  await forEach(files, async ({ before }, index) => {
    const path = join(directory, String(index))
    if (before.length <= smallContent) writeFileSync(path, before, newFile)
    else await writeFile(path, before, newFile)
  })
  yield Buffer.from(files.map(patchText).join(''), 'latin1')
}

/** What is short is done at once, since handing it to another thread takes longer; others get their turn in between. */
async function forEach(
  files: readonly ScratchFile[],
  work: (file: ScratchFile, index: number) => Promise<void>,
): Promise<void> {
  for (const [index, file] of files.entries()) {
    if (index % filesAtOnce === filesAtOnce - 1) await nextTurn()
    await work(file, index)
  }
}

async function runApply(git: GitRunner, directory: string, patch: Readable): Promise<void> {
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

/** In git's own form, with the line numbers that the patch states: git is to read what the patch says. */
function patchText({ hunks }: ScratchFile, index: number): string {
  const lines = [`diff --git a/${index} b/${index}`, `--- a/${index}`, `+++ b/${index}`]
  for (const { oldStart, oldCount, newStart, newCount, lines: body } of hunks) {
    lines.push(`@@ -${oldStart},${oldCount} +${newStart},${newCount} @@`)
    for (const line of body) lines.push(line)
  }
  return `${lines.join('\n')}\n`
}

async function readPlainFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = fstatSync(file)
    if (size > maxBytes) throw new ScratchRefusedError(`a file would be larger than ${maxBytes} bytes`)
    return size <= smallContent ? readFileSync(file) : await readAside(file)
  } finally {
    closeSync(file)
  }
}
