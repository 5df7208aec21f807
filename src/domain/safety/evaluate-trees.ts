import { randomUUID } from 'node:crypto'
import type { ChangedFile } from '../ports/git-store.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { blobAnalyzer, keepAnalyses, type NewAnalysis } from './analyze-blobs.ts'
import { evaluateChange, evaluationHash, reportHash, type SafetyReport } from './evaluate-change.ts'
import { SafetyEvaluation, type SafetyEvaluationRow } from './safety-evaluation.entity.ts'

/** A change between two trees and the report on it. */
export interface EvaluatedChange {
  readonly baseTree: string
  readonly resultTree: string
  readonly files: readonly ChangedFile[]
  readonly safety: SafetyReport
  /** Of contents that nobody had analysed before; kept with the report. */
  readonly analyses: readonly NewAnalysis[]
}

type Needed = Pick<Services, 'em' | 'git' | 'analyzer' | 'log' | 'tracer'>

/**
 * What differs between two trees, and what the resulting code can newly do. The stored report of these trees serves
 * again; without one, only contents that were never analysed are. Stores nothing.
 */
export const evaluateTrees = async (
  services: Needed,
  projectId: string,
  baseTree: string,
  resultTree: string,
): Promise<EvaluatedChange> => {
  const trees = { baseTree, resultTree }
  const [files, stored] = await Promise.all([
    services.git.changedFiles(projectId, baseTree, resultTree),
    findReport(services, projectId, trees),
  ])
  if (stored) return { ...trees, files, safety: stored, analyses: [] }
  const analyses: NewAnalysis[] = []
  const change = {
    ...trees,
    files: files.map((file) => ({
      path: file.path,
      previousPath: file.previousPath,
      // A copy adds what its source has.
      before: file.kind === 'COPIED' ? null : file.oldObjectId,
      after: file.newObjectId,
    })),
  }
  const safety = await services.tracer.span('evaluation', { evaluation: 'safety', projectId }, async (span) => {
    const report = await evaluateChange(blobAnalyzer(services, projectId, analyses), change)
    span.note({ verdict: report.safe ? 'SAFE' : 'NOT_SAFE' })
    return report
  })
  return { ...trees, files, safety, analyses }
}

/** The report that is stored for these trees by this analyzer; null when there is none, or it is not what was stored. */
const findReport = async (
  { em, analyzer, log }: Needed,
  projectId: string,
  trees: { readonly baseTree: string; readonly resultTree: string },
): Promise<SafetyReport | null> => {
  const stored = await rows(em())
    .selectFrom('SafetyEvaluation')
    .select(['id', 'evaluationHash', 'report'])
    .where('projectId', '=', projectId)
    .where('baseTree', '=', trees.baseTree)
    .where('resultTree', '=', trees.resultTree)
    .where('analyzerVersion', '=', analyzer.version)
    .executeTakeFirst()
  if (!stored) return null
  const isIntact = isWhole(stored, { ...trees, analyzerVersion: analyzer.version })
  if (!isIntact)
    log.error({ projectId, evaluationId: stored.id }, 'a stored safety report is not the one that was made')
  return isIntact ? stored.report : null
}

/** True when a stored report gives the hashes that it was stored with. */
const isWhole = (
  stored: Pick<SafetyEvaluationRow, 'evaluationHash' | 'report'>,
  subject: Parameters<typeof evaluationHash>[1],
): boolean => {
  const { report } = stored
  return (
    report.evaluationHash === stored.evaluationHash &&
    report.evaluationHash === evaluationHash(report, subject) &&
    report.reportHash === reportHash(report) &&
    report.analyzerVersion === subject.analyzerVersion
  )
}

/**
 * Stores a report, with the analyses that were made for it, once per (trees, analyzer), also when several do at the same time. One that is damaged is replaced:
 * what was approved on it falls, unless the report is what was approved.
 * @returns the evaluation's id
 */
export const storeEvaluation = async (
  tx: Transaction,
  projectId: string,
  change: Pick<EvaluatedChange, 'baseTree' | 'resultTree' | 'safety' | 'analyses'>,
): Promise<string> => {
  const { analyzerVersion, evaluationHash } = change.safety
  await keepAnalyses(tx, projectId, analyzerVersion, change.analyses)
  const subject = { projectId, baseTree: change.baseTree, resultTree: change.resultTree, analyzerVersion }
  const row = { id: randomUUID(), ...subject, evaluationHash, report: change.safety, createdAt: tx.now }
  await tx.em.upsert(SafetyEvaluation, row, {
    onConflictFields: ['projectId', 'baseTree', 'resultTree', 'analyzerVersion'],
    onConflictAction: 'ignore',
  })
  const stored = await tx.em.findOneOrFail(SafetyEvaluation, subject)
  if (!isWhole(stored, subject)) Object.assign(stored, { evaluationHash, report: change.safety })
  return stored.id
}
