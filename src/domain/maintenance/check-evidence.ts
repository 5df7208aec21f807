import { evidenceHashOf } from '../commit-message/commit-message.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import type { Services } from '../shared/services.ts'
import type { FaultWords } from './fault.ts'

const remedy =
  'Restore the note from a backup, or from the remote or a clone that has it: git fetch PLACE refs/notes/countersign:refs/notes/countersign.'

/** A committed diff whose commit is in the repository. */
export interface CommittedRow {
  readonly id: string
  readonly commitOid: string
}

/** Those of the diffs whose commit names evidence that is not beside it. */
export const checkEvidence = async (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  diffs: readonly CommittedRow[],
): Promise<readonly FaultWords[]> => {
  const source = await git.evidenceSource(projectId)
  const notes = await source.notes(diffs.map(({ commitOid }) => commitOid))
  const found = await Promise.all(
    diffs.map(async ({ id, commitOid }, index) => {
      const named = evidenceHashOf((await source.commit(commitOid))?.message ?? '')
      // Committed by a version that made none.
      if (named === null) return []
      const note = notes[index]
      if (note?.content && sha256(note.content) === named) return []
      const problem = note
        ? `The note of its commit ${commitOid} is not the evidence that the commit names.`
        : `Its commit ${commitOid} names evidence, and has no note under refs/notes/countersign.`
      return [{ what: 'evidence', id, problem, remedy }]
    }),
  )
  return found.flat()
}
