import { type ShownChange, showChange } from '../commit/shown-change.ts'
import { PatchRejectedError, SyntaxRejectedError } from '../errors.ts'
import type { NewAnalysis } from '../safety/analyze-blobs.ts'
import type { SafetyReport } from '../safety/evaluate-change.ts'
import { evaluateTrees } from '../safety/evaluate-trees.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import type { Services } from '../shared/services.ts'

/** A patch with everything that is known of it before it is stored. */
export interface PreparedDiff extends ShownChange {
  readonly baseCommit: string
  readonly baseTree: string
  readonly resultTree: string
  readonly content: string
  readonly contentHash: string
  readonly safety: SafetyReport
  readonly analyses: readonly NewAnalysis[]
}

/**
 * The one way from a patch to a diff: names are checked, the patch is applied without a work tree, what changed is
 * read from the two trees, and the result is analysed, unless it was before. Stores no row and moves no ref.
 * @throws PatchRejectedError, SyntaxRejectedError
 */
export const prepareDiff = async (
  services: Services,
  projectId: string,
  baseCommit: string,
  patch: string,
  options: { allowInvalidSyntax: boolean },
): Promise<PreparedDiff> => {
  const { git } = services
  if (patch.trim() === '') throw new PatchRejectedError('EMPTY', 'The patch is empty.')
  if (patch.includes('\u0000')) throw new PatchRejectedError('MALFORMED', 'The patch contains NUL.')
  const baseTree = await git.treeOf(projectId, baseCommit)
  const applied = await git.applyPatch(projectId, baseTree, patch)
  const { files: changed, safety, analyses } = await evaluateTrees(services, projectId, baseTree, applied.tree)
  const [fault] = safety.syntaxValid ? [] : safety.issues
  if (fault && !options.allowInvalidSyntax) throw new SyntaxRejectedError(fault.path ?? '', fault.line, fault.message)
  return {
    baseCommit,
    baseTree,
    resultTree: applied.tree,
    content: applied.content,
    contentHash: sha256(applied.content),
    ...showChange(changed),
    safety,
    analyses,
  }
}

/** Keeps a diff's result reachable in the repository, as a commit on its base. The same diff gives the same commit. */
export const keepResult = async (
  services: Services,
  projectId: string,
  diffId: string,
  prepared: PreparedDiff,
  at: Date,
): Promise<void> => {
  const signature = { name: 'Countersign', email: 'countersign@localhost', at }
  const commit = await services.git.writeCommit(projectId, {
    tree: prepared.resultTree,
    parents: [prepared.baseCommit],
    message: `Proposed: ${diffId}\n`,
    author: signature,
    committer: signature,
  })
  await services.git.keep(projectId, 'diffs', diffId, commit)
}
