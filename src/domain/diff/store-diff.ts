import { refreshApproval } from '../approval/refresh-approval.ts'
import { riskFacts } from '../risk/risk-facts.ts'
import { storeEvaluation } from '../safety/evaluate-trees.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { openTestRun } from '../testing/open-test-run.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import { Diff, type DiffOrigin } from './diff.entity.ts'
import type { PreparedDiff } from './prepare-diff.ts'

export interface NewDiff {
  readonly id: string
  readonly projectId: string
  readonly origin: DiffOrigin
  readonly authorId: string
  readonly requestedById: string | null
  readonly candidateId: string | null
  readonly sprintId: string | null
  readonly sessionId: string | null
  readonly iteration: number
  readonly supersedesId: string | null
  readonly targetBranch: string
  readonly prompt: string | null
  readonly commitMessage: string
  /** The evaluator's verdict, for a session's diff; any other begins PROPOSED. */
  readonly status?: 'EVALUATOR_APPROVED' | 'EVALUATOR_REJECTED'
  readonly evaluatorReasoning?: string
}

/** Stores a diff with its evaluation, and starts these tests on it. What the policy lets pass without a person is APPROVED. */
export const storeDiff = async (
  services: Services,
  tx: Transaction,
  diff: NewDiff,
  prepared: PreparedDiff,
  testCases: readonly TestCaseRow[],
): Promise<void> => {
  const { safety, analyses, ...content } = prepared
  const status = diff.status ?? 'PROPOSED'
  tx.em.create(Diff, {
    ...diff,
    ...content,
    riskFacts: riskFacts(prepared.files, safety),
    status,
    safetyId: await storeEvaluation(tx, diff.projectId, prepared),
    trace: tx.trace(),
    createdAt: tx.now,
    updatedAt: tx.now,
  })
  const subject = { projectId: diff.projectId, sprintId: diff.sprintId, sessionId: diff.sessionId, diffId: diff.id }
  tx.emit(subject, { type: 'DiffChanged', diffId: diff.id, status })
  if (testCases.length > 0) {
    await openTestRun(services, tx, {
      subject,
      diffId: diff.id,
      tree: prepared.resultTree,
      baseTree: prepared.baseTree,
      basis: 'WORKSPACE',
      testCases,
      force: false,
    })
  }
  // A session's has its tests from before, and gets the evaluator's verdict first.
  if (diff.status !== undefined) return
  await tx.em.flush()
  await refreshApproval(tx, diff.id)
}
