/** The contents that a patch's files have afterwards. */

import { PatchRejectedError } from '../../domain/errors.ts'
import { applyBinaryHunk, BinaryPatchError } from './binary-patch.ts'
import { isObjectId, newObject } from './git-objects.ts'
import type { PlannedFile } from './patch-plan.ts'
import { placeHunks, searchBudget, wholeSide } from './place-hunks.ts'
import type { Repository } from './repository.ts'
import type { GitRunner } from './run-git.ts'
import { applyInScratch, type ScratchFile, ScratchRefusedError } from './scratch-apply.ts'

interface ResultContext {
  readonly repository: Repository
  readonly git: GitRunner
  readonly scratch: string
  readonly maxFileBytes: number
}

/** A new content, or that there is none to be written. */
export type FileResult = Buffer | 'REMOVED' | 'SAME'

const noContent = Buffer.alloc(0)

/**
 * In the order of the files. What has context is git's to apply; whole contents (added, removed and binary files)
 * leave nothing to decide.
 * @throws PatchRejectedError
 */
export async function resultsOf(context: ResultContext, files: readonly PlannedFile[]): Promise<FileResult[]> {
  const texts = files.filter((planned) => isTextChange(planned))
  const applied = await applyTexts(context, texts)
  const byFile = new Map(texts.map((planned, index) => [planned, applied[index] ?? noContent]))
  return files.map((planned) => {
    const content = byFile.get(planned) ?? wholeResult(context, planned)
    if (content instanceof Buffer && content.length > context.maxFileBytes) {
      const { path } = planned
      throw new PatchRejectedError('TOO_LARGE', `${path} would be larger than ${context.maxFileBytes} bytes.`, { path })
    }
    return content
  })
}

function isTextChange({ file, base }: PlannedFile): boolean {
  return base !== null && file.operation !== 'DELETE' && file.hunks.length > 0
}

function wholeResult(context: ResultContext, planned: PlannedFile): FileResult {
  const { file, base, path } = planned
  const before = base?.content ?? noContent
  const after = file.binary ? binaryResult(context, planned, before) : null
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

function binaryResult({ repository, maxFileBytes }: ResultContext, planned: PlannedFile, before: Buffer): Buffer {
  const { file, base, path } = planned
  const none = '0'.repeat(repository.hash === 'sha1' ? 40 : 64)
  if (file.binary === null) return before
  if (!isObjectId(file.oldId ?? '') || !isObjectId(file.newId ?? '')) {
    throw rejected(path, null, `error: cannot apply binary patch to '${path}' without full index line`)
  }
  if (file.oldId !== (base?.entry.id ?? none)) {
    throw rejected(
      path,
      null,
      `error: the patch applies to '${path}' (${file.oldId}), which does not match the current contents.`,
    )
  }
  try {
    const after = applyBinaryHunk(file.binary, before, maxFileBytes)
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

async function applyTexts(context: ResultContext, files: readonly PlannedFile[]): Promise<Buffer[]> {
  const scratchFiles: ScratchFile[] = []
  const expected: string[] = []
  const budget = { left: searchBudget }
  for (const planned of files) {
    const { file, base, path } = planned
    const before = base?.content ?? noContent
    const placement = placeHunks(file.hunks, before.toString('latin1'), budget)
    if ('lostHunk' in placement) {
      const { lostHunk, words } = placement
      throw rejected(path, lostHunk, await gitsWords(context, planned, before), `hunk ${lostHunk} ${words}`)
    }
    scratchFiles.push({ before, hunks: placement.placed })
    expected.push(placement.result)
  }
  if (files.length === 0) return []
  const results = await inScratch(context, files, scratchFiles)
  const differs = results.findIndex((result, index) => result.toString('latin1') !== expected[index])
  const other = files[differs]
  if (other)
    throw rejected(other.path, null, `error: ${other.path}: git applied the hunks elsewhere than where they say`)
  return results
}

async function inScratch(context: ResultContext, files: readonly PlannedFile[], scratchFiles: readonly ScratchFile[]) {
  try {
    return await applyInScratch(context.git, context.scratch, scratchFiles, context.maxFileBytes)
  } catch (error) {
    if (!(error instanceof ScratchRefusedError)) throw error
    const planned = files[error.file ?? -1]
    const hunk = planned?.file.hunks.findIndex((each) => each.oldStart === error.line) ?? -1
    throw rejected(planned?.path ?? null, hunk < 0 ? null : hunk + 1, withPaths(error.message, files))
  }
}

/** What git itself says to a file's hunks as they stand. */
async function gitsWords(context: ResultContext, planned: PlannedFile, before: Buffer): Promise<string> {
  const hunks = planned.file.hunks.map((hunk) => ({
    hunk,
    at: hunk.oldCount === 0 ? hunk.oldStart : hunk.oldStart - 1,
  }))
  try {
    await applyInScratch(context.git, context.scratch, [{ before, hunks }], context.maxFileBytes)
    return ''
  } catch (error) {
    if (error instanceof ScratchRefusedError) return withPaths(error.message, [planned])
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
