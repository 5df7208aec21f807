/** The contents that a patch's files have afterwards. */

import { PatchRejectedError } from '../../domain/errors.ts'
import { applyBinaryHunk, BinaryPatchError } from './binary-patch.ts'
import { isObjectId, newObject } from './git-objects.ts'
import type { PlannedFile } from './patch-plan.ts'
import { placeHunks, type SearchBudget, searchBudget, wholeSide } from './place-hunks.ts'
import type { Repository } from './repository.ts'
import type { GitRunner } from './run-git.ts'
import { applyInScratch, ScratchRefusedError } from './scratch-apply.ts'

interface ResultContext {
  readonly repository: Repository
  readonly git: GitRunner
  readonly scratch: string
  readonly maxFileBytes: number
  /** Of all files together. */
  readonly maxBytes: number
}

/** A new content, or that there is none to be written. */
export type FileResult = Buffer | 'REMOVED' | 'SAME'

const noContent = Buffer.alloc(0)

/**
 * In the order of the files, by our own reading of the patch. Whole contents (added, removed and binary files) leave
 * nothing to decide; what has context counts only once git has confirmed it.
 * @throws PatchRejectedError
 */
export async function resultsOf(context: ResultContext, files: readonly PlannedFile[]): Promise<FileResult[]> {
  const search = { left: searchBudget }
  const results: FileResult[] = []
  let left = context.maxBytes
  for (const planned of files) {
    const { path } = planned
    const content = isTextChange(planned)
      ? await textResult(context, planned, search)
      : wholeResult(context, planned, Math.min(left, context.maxFileBytes))
    if (content instanceof Buffer) {
      left -= content.length
      const words = content.length > context.maxFileBytes ? `larger than ${context.maxFileBytes} bytes` : null
      const all = left < 0 ? 'too large together with the other files' : null
      const fault = words ?? all
      if (fault) throw new PatchRejectedError('TOO_LARGE', `${path} would be ${fault}.`, { path })
    }
    results.push(content)
  }
  return results
}

/**
 * Lets git apply what has context, as the patch states it, and compares.
 * @throws PatchRejectedError when git refuses, or reads the patch in another way than we do
 */
export async function confirmByGit(
  context: ResultContext,
  files: readonly PlannedFile[],
  results: readonly FileResult[],
): Promise<void> {
  const texts = [...files.entries()].filter(([, planned]) => isTextChange(planned))
  if (texts.length === 0) return
  const planned = texts.map(([, each]) => each)
  const applied = await inScratch(context, planned)
  for (const [number, [index, { path }]] of texts.entries()) {
    const [expected, actual] = [results[index], applied[number]]
    if (expected instanceof Buffer && actual?.equals(expected)) continue
    const words = 'git applies the hunks elsewhere than where their lines stand, so their line numbers contradict them'
    throw rejected(path, null, `error: ${path}: ${words}`)
  }
}

function isTextChange({ file, base }: PlannedFile): boolean {
  return base !== null && file.operation !== 'DELETE' && file.hunks.length > 0
}

function wholeResult(context: ResultContext, planned: PlannedFile, maxBytes: number): FileResult {
  const { file, base, path } = planned
  const before = base?.content ?? noContent
  const after = file.binary ? binaryResult(context, planned, before, maxBytes) : null
  if (file.operation === 'DELETE') {
    const left = after ?? (file.hunks.length === 0 ? before : removedText(planned).equals(before) ? noContent : before)
    if (left.length > 0) {
      throw rejected(path, file.hunks.length > 0 ? 1 : null, `error: ${path}: removal patch leaves file contents`)
    }
    return 'REMOVED'
  }
  if (after !== null) return after
  if (base !== null) return 'SAME'
  const text = wholeSide(file.hunks, 'after')
  if (text === null) throw rejected(path, 1, `error: ${path}: a new file has one hunk, with nothing but added lines`)
  return Buffer.from(text, 'latin1')
}

function removedText({ file, path }: PlannedFile): Buffer {
  const text = wholeSide(file.hunks, 'before')
  if (text === null) throw rejected(path, 1, `error: ${path}: a removal has one hunk, with nothing but removed lines`)
  return Buffer.from(text, 'latin1')
}

function binaryResult({ repository }: ResultContext, planned: PlannedFile, before: Buffer, maxBytes: number): Buffer {
  const { file, base, path } = planned
  const none = '0'.repeat(repository.hash === 'sha1' ? 40 : 64)
  if (file.binary === null) return before
  if (!isObjectId(file.oldId ?? '') || !isObjectId(file.newId ?? '')) {
    throw rejected(path, null, `error: cannot apply binary patch to '${path}' without full index line`)
  }
  if (file.newId?.length !== none.length || file.oldId?.length !== none.length) {
    const words = `the "index" line of '${path}' is of another object format than this repository`
    throw rejected(path, null, `error: ${words}, so its binary patch cannot be checked`)
  }
  if (file.oldId !== (base?.entry.id ?? none)) {
    throw rejected(
      path,
      null,
      `error: the patch applies to '${path}' (${file.oldId}), which does not match the current contents.`,
    )
  }
  try {
    const after = applyBinaryHunk(file.binary, before, maxBytes)
    const id = file.operation === 'DELETE' ? none : newObject(repository.hash, 'blob', after).id
    if (id === file.newId) return after
    throw new PatchRejectedError('HEADERS_LIE', `The binary patch to ${path} makes another content than it says.`, {
      path,
      details: `error: binary patch to '${path}' creates incorrect result (expecting ${file.newId}, got ${id})`,
    })
  } catch (error) {
    if (error instanceof BinaryPatchError) throw rejected(path, null, `error: ${path}: ${error.message}`)
    throw error
  }
}

async function textResult(context: ResultContext, planned: PlannedFile, search: SearchBudget): Promise<Buffer> {
  const { file, base, path } = planned
  const before = base?.content ?? noContent
  const placement = placeHunks(file.hunks, before.toString('latin1'), search)
  if ('result' in placement) return Buffer.from(placement.result, 'latin1')
  const { lostHunk, words } = placement
  throw rejected(path, lostHunk, await gitsWords(context, planned), `hunk ${lostHunk} ${words}`)
}

async function inScratch(context: ResultContext, files: readonly PlannedFile[]): Promise<Buffer[]> {
  const scratchFiles = files.map(({ file, base }) => ({ before: base?.content ?? noContent, hunks: file.hunks }))
  try {
    return await applyInScratch(context.git, context.scratch, scratchFiles, context.maxFileBytes)
  } catch (error) {
    if (!(error instanceof ScratchRefusedError)) throw error
    const planned = files[error.file ?? -1]
    const hunk = planned?.file.hunks.findIndex((each) => each.oldStart === error.line) ?? -1
    throw rejected(planned?.path ?? null, hunk < 0 ? null : hunk + 1, withPaths(error.message, files))
  }
}

/** What git itself says to a file's hunks; nothing when it would take them. */
async function gitsWords(context: ResultContext, planned: PlannedFile): Promise<string> {
  try {
    await inScratch(context, [planned])
    return ''
  } catch (error) {
    if (error instanceof PatchRejectedError && error.reason === 'DOES_NOT_APPLY') return error.details
    throw error
  }
}

function withPaths(words: string, files: readonly PlannedFile[]): string {
  const path = (index: string) => files[Number(index)]?.path ?? index
  return words
    .replace(/^(error: patch failed: )(\d+)(?=:\d+$)/gm, (_, start, index) => start + path(index))
    .replace(/^(error: )(\d+)(?=: )/gm, (_, start, index) => start + path(index))
}

function rejected(path: string | null, hunk: number | null, gitWords: string, ourWords?: string): PatchRejectedError {
  const words = [gitWords, ourWords].filter((each) => each)
  const summary = ourWords ?? (gitWords.split('\n', 1)[0] ?? '').replace(/^error: /, '')
  return new PatchRejectedError(
    'DOES_NOT_APPLY',
    `The patch does not apply${path === null ? '' : ` to ${path}`}: ${summary}.`,
    {
      path,
      hunk,
      details: words.join('\n'),
    },
  )
}
