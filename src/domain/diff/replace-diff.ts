import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import { changeDiffStatus } from './change-diff-status.ts'
import type { DiffRow } from './diff.entity.ts'
import type { findReplaceable } from './find-replaceable.ts'
import type { PreparedDiff } from './prepare-diff.ts'
import { proposePatch } from './propose-patch.ts'

/** What takes a diff's place, and on whose behalf. */
export interface Replacement {
  readonly old: DiffRow
  readonly prepared: PreparedDiff
  /** Those that are run on it at once. */
  readonly testCases: readonly TestCaseRow[]
  /** Locks the old one, and looks at it again; undefined when it is not to be replaced after all. */
  find(tx: Transaction): Promise<Pick<Awaited<ReturnType<typeof findReplaceable>>, 'diff'> | undefined>
  /** What else belongs to it, in the same transaction. */
  also?(tx: Transaction, id: string): Promise<void>
  /** How it is written, where not by a plain transaction. */
  readonly write?: (work: (tx: Transaction) => Promise<string>) => Promise<string>
}

/**
 * Stores a prepared change in the place of a diff: the same author, requester, sprint and message. The one that it
 * replaces is SUPERSEDED in the same transaction, and is looked at again there: of two at once one wins.
 * @returns the new diff's id; the old one's where it was not to be replaced
 * @throws what `find` throws
 */
export const replaceDiff = (
  services: Services,
  { old, prepared, testCases, find, also, write = (work) => transact(services, work) }: Replacement,
): Promise<string> => {
  const diff = {
    projectId: old.projectId,
    origin: old.origin,
    authorId: old.authorId,
    requestedById: old.requestedById,
    candidateId: old.candidateId,
    sprintId: old.sprintId,
    sessionId: old.sessionId,
    iteration: old.iteration,
    supersedesId: old.id,
    targetBranch: old.targetBranch,
    prompt: old.prompt,
    commitMessage: old.commitMessage,
    // What an evaluator said of this very change is still said of it.
    ...(old.evaluatorReasoning !== null &&
      prepared.changeHash === old.changeHash && { evaluatorReasoning: old.evaluatorReasoning }),
  }
  const facts = { step: 'replace diff', diffId: old.id, projectId: old.projectId }
  return services.tracer.join(old.trace, facts, () =>
    proposePatch(services, { diff, prepared, testCases }, (store) =>
      write(async (tx) => {
        const found = await find(tx)
        if (!found) return old.id
        changeDiffStatus(tx, found.diff, 'SUPERSEDED')
        found.diff.autoRebase = null
        // A message that was changed meanwhile is not lost.
        const id = await store(tx, { commitMessage: found.diff.commitMessage })
        await tx.em.flush()
        await also?.(tx, id)
        return id
      }),
    ),
  )
}
