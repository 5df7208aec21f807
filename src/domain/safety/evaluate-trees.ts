import { randomUUID } from 'node:crypto'
import type { ChangedFile } from '../ports/git-store.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { evaluateChange, type SafetyReport } from './evaluate-change.ts'
import { SafetyEvaluation } from './safety-evaluation.entity.ts'

/** A change between two trees and the report on it. */
export interface EvaluatedChange {
  readonly baseTree: string
  readonly resultTree: string
  readonly files: readonly ChangedFile[]
  readonly safety: SafetyReport
}

/** What differs between two trees, and what the resulting code can newly do. */
export const evaluateTrees = async (
  services: Services,
  projectId: string,
  baseTree: string,
  resultTree: string,
): Promise<EvaluatedChange> => {
  const files = await services.git.changedFiles(projectId, baseTree, resultTree)
  const blob = async (objectId: string | null) =>
    objectId === null ? null : services.git.readBlob(projectId, objectId)
  const safety = await evaluateChange(services.analyzer, {
    baseTree,
    resultTree,
    files: await Promise.all(
      files.map(async (file) => ({
        path: file.path,
        previousPath: file.previousPath,
        // A copy adds what its source has.
        before: file.kind === 'COPIED' ? null : await blob(file.oldObjectId),
        after: await blob(file.newObjectId),
      })),
    ),
  })
  return { baseTree, resultTree, files, safety }
}

/** Stores a report once per (trees, analyzer), also when several do at the same time. @returns the evaluation's id */
export const storeEvaluation = async (
  tx: Transaction,
  projectId: string,
  change: Pick<EvaluatedChange, 'baseTree' | 'resultTree' | 'safety'>,
): Promise<string> => {
  const { analyzerVersion, evaluationHash } = change.safety
  const subject = { projectId, baseTree: change.baseTree, resultTree: change.resultTree, analyzerVersion }
  const row = { id: randomUUID(), ...subject, evaluationHash, report: change.safety, createdAt: tx.now }
  await tx.em.upsert(SafetyEvaluation, row, {
    onConflictFields: ['projectId', 'baseTree', 'resultTree', 'analyzerVersion'],
    onConflictAction: 'ignore',
  })
  const stored = await tx.em.findOneOrFail(SafetyEvaluation, subject)
  return stored.id
}
