import type { KeptRef } from '../ports/repository-care.ts'
import type { Services } from '../shared/services.ts'
import { type FaultWords, rowRemedy } from './fault.ts'

/** A row that needs a reference, and what the commit there must be. */
export interface NeedsRef {
  readonly what: string
  readonly id: string
  readonly ref: string
  readonly tree: string
  readonly parent?: string
  readonly commit?: string
}

/** Whether a row's reference is there and keeps what the row says. */
export const checkKept = async (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  refs: ReadonlyMap<string, KeptRef>,
  { what, id, ref, tree, parent, commit }: NeedsRef,
): Promise<readonly FaultWords[]> => {
  const fault = (problem: string, remedy: string) => [{ what, id, problem, remedy }]
  const kept = refs.get(ref)
  if (!kept) {
    return fault(
      `Its reference ${ref} is not there: nothing keeps its objects.`,
      commit === undefined
        ? 'Restore the reference from a backup before the next maintenance.'
        : `Run git update-ref ${ref} ${commit} in the repository before the next maintenance.`,
    )
  }
  // One that cannot be read is told of by git's own check.
  if ((await git.objectKind(projectId, kept.oid)) !== 'commit') return []
  const info = await git.commitInfo(projectId, kept.oid)
  const isRight =
    info?.tree === tree &&
    (parent === undefined || info.parents.join() === parent) &&
    (commit === undefined || kept.oid === commit)
  return isRight ? [] : fault(`Its reference ${ref} keeps ${kept.oid}, which is not what the row says.`, rowRemedy)
}
