/** A patch on a tree: parsed strictly, checked against the tree, applied in a scratch directory, and held to its word. */

import { PatchRejectedError } from '../../domain/errors.ts'
import type { AppliedPatch } from '../../domain/ports/git-store.ts'
import { differingPaths } from './compare-trees.ts'
import { type NewObject, newObject, toByteName } from './git-objects.ts'
import { readFilePatches } from './patch-headers.ts'
import { type PlannedFile, planPatch } from './patch-plan.ts'
import { confirmByGit, type FileResult, resultsOf } from './patch-results.ts'
import { cutPatch } from './patch-sections.ts'
import type { Repository } from './repository.ts'
import type { GitRunner } from './run-git.ts'
import { rewriteTree, TreeConflictError, type TreeEdit } from './tree-rewrite.ts'
import { type StagedObjects, stageObjects } from './write-objects.ts'

interface ApplyContext {
  readonly repository: Repository
  /** Runs git where there is no repository. */
  readonly git: GitRunner
  readonly scratch: string
}

export const patchLimits = {
  patchBytes: 5 * 1024 * 1024,
  files: 2000,
  fileBytes: 20 * 1024 * 1024,
  /** Of all files together, before and after. */
  readBytes: 200 * 1024 * 1024,
  resultBytes: 200 * 1024 * 1024,
}

/** @throws PatchRejectedError; no object, ref or file is left of a refused patch */
export async function applyPatch(context: ApplyContext, baseTree: string, patch: string): Promise<AppliedPatch> {
  const repository = withMemory(context.repository)
  const { content, lines } = normalise(patch)
  const { sections, from, to } = cutPatch(lines, patchLimits)
  const files = readFilePatches(sections)
  const planned = await planPatch(repository, baseTree, files, patchLimits)
  const resultContext = { ...context, maxFileBytes: patchLimits.fileBytes, maxBytes: patchLimits.resultBytes }
  const results = await resultsOf(resultContext, planned)
  const { tree, objects } = await newTree(repository, baseTree, planned, results)
  if (tree === baseTree) throw new PatchRejectedError('NO_CHANGE', 'The patch changes nothing.')
  await holdToItsWord(withObjects(repository, objects), baseTree, tree, planned)
  await publishWhen(confirmByGit(resultContext, planned, results), stageObjects(repository, objects))
  const applied = content.toString('utf8', byteOffset(lines, from), byteOffset(lines, to))
  // The empty line that ends a binary block is as easily cut from a text as its last newline.
  return { tree, content: to === lines.length ? `${applied}\n` : applied }
}

/** The objects wait under no name while git confirms the results, so that neither waits for the other. */
async function publishWhen(confirmed: Promise<void>, staging: Promise<StagedObjects>): Promise<void> {
  const [confirmation, stage] = await Promise.allSettled([confirmed, staging])
  if (confirmation.status === 'rejected') {
    if (stage.status === 'fulfilled') stage.value.discard()
    throw confirmation.reason
  }
  if (stage.status === 'rejected') throw stage.reason
  stage.value.publish()
}

/** Directories are asked for several times on the way; objects do not change. */
function withMemory(repository: Repository): Repository {
  const known = new Map<string, ReturnType<Repository['contents']>>()
  return {
    ...repository,
    contents(name) {
      const answer = known.get(name) ?? repository.contents(name)
      known.set(name, answer)
      return answer
    },
  }
}

/** One character a byte from here on: names and contents need not be text. */
function normalise(patch: string): { content: Buffer; lines: string[] } {
  if (patch.length > patchLimits.patchBytes || Buffer.byteLength(patch) > patchLimits.patchBytes) {
    throw new PatchRejectedError('TOO_LARGE', `The patch is larger than ${patchLimits.patchBytes} bytes.`)
  }
  const text = patch.replace(/^\ufeff/, '')
  if (text.trim() === '') throw new PatchRejectedError('EMPTY', 'The patch is empty.')
  if (text.includes('\0')) throw new PatchRejectedError('MALFORMED', 'The patch has a NUL character.')
  if (!text.isWellFormed()) throw new PatchRejectedError('MALFORMED', 'The patch is not well-formed Unicode text.')
  const content = Buffer.from(text.endsWith('\n') ? text : `${text}\n`, 'utf8')
  return { content, lines: content.toString('latin1').split('\n') }
}

function byteOffset(lines: readonly string[], line: number): number {
  let offset = 0
  for (let index = 0; index < line; index++) offset += (lines[index]?.length ?? 0) + 1
  return offset
}

async function newTree(
  repository: Repository,
  baseTree: string,
  planned: readonly PlannedFile[],
  results: readonly FileResult[],
) {
  const blobs: NewObject[] = []
  const edits: TreeEdit[] = []
  for (const [index, { file, base }] of planned.entries()) {
    const { operation, oldPath, newPath } = file
    const result = results[index]
    if (oldPath !== null && (operation === 'DELETE' || operation === 'RENAME')) {
      edits.push({ names: byteNames(oldPath), entry: null })
    }
    if (newPath === null) continue
    const blob = result instanceof Buffer ? newObject(repository.hash, 'blob', result) : null
    if (blob && blob.id !== base?.entry.id) blobs.push(blob)
    const id = blob?.id ?? base?.entry.id
    if (id === undefined) throw new Error(`the patch gave ${newPath} no content`)
    const mode = file.newMode ?? (base?.entry.mode === '100755' ? '100755' : '100644')
    edits.push({ names: byteNames(newPath), entry: { mode, id } })
  }
  try {
    const rewritten = await rewriteTree(repository, baseTree, edits)
    return { tree: rewritten.tree, objects: [...blobs, ...rewritten.objects] }
  } catch (error) {
    if (error instanceof TreeConflictError) throw conflictRejection(error)
    throw error
  }
}

function byteNames(path: string): string[] {
  return path.split('/').map(toByteName)
}

/** The words for a file that cannot be where a patch or an agent wants it. */
export function conflictRejection({ names, obstacle }: TreeConflictError): PatchRejectedError {
  const path = Buffer.from(names.join('/'), 'latin1').toString('utf8')
  const reason = obstacle === 'symlink' ? 'SYMLINK' : obstacle === 'submodule' ? 'UNSAFE_PATH' : 'DOES_NOT_APPLY'
  const message =
    obstacle === 'nothing' ? `${path} does not exist.` : `${path} is in the way: it is a ${obstacle} or becomes one.`
  return new PatchRejectedError(reason, message, { path })
}

/** The repository as it is once these objects are written. */
function withObjects(repository: Repository, objects: readonly NewObject[]): Repository {
  const known = new Map(objects.map((object) => [object.id, { ...object, size: object.content.length }]))
  return { ...repository, contents: async (name) => known.get(name) ?? (await repository.contents(name)) }
}

/** What the trees differ in, each read whole, is exactly what the patch named. */
async function holdToItsWord(
  repository: Repository,
  baseTree: string,
  tree: string,
  planned: readonly PlannedFile[],
): Promise<void> {
  const said = new Set<string>()
  for (const { file } of planned) {
    if (file.newPath !== null) said.add(file.newPath)
    if (file.oldPath !== null && file.operation !== 'COPY') said.add(file.oldPath)
  }
  const done = new Set(await differingPaths(repository, baseTree, tree))
  const unsaid = [...done].find((path) => !said.has(path))
  const undone = [...said].find((path) => !done.has(path))
  const path = unsaid ?? undone
  if (path === undefined) return
  const words =
    unsaid === undefined ? 'is named by the patch and not changed by it' : 'is changed by the patch and not named in it'
  throw new PatchRejectedError('HEADERS_LIE', `The patch's headers and its effect differ: ${path} ${words}.`, { path })
}
