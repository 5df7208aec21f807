import { autoRebaseJob } from '../../jobs/auto-rebase.ts'
import type { ProjectRow } from '../project/project.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import type { AutoRebase } from './diff.entity.ts'

interface Drifting {
  readonly id: string
  readonly targetBranch: string
  readonly baseCommit: string
  autoRebase?: AutoRebase | null
}

/** The part of a project's row that says where its branch stands, and whether diffs are brought there. */
export type BranchOwner = Partial<Pick<ProjectRow, 'headCommit' | 'targetBranch' | 'archivedAt'>> &
  Pick<ProjectRow, 'policy'>

/**
 * Has an approved diff whose branch has moved brought to the branch's head, where the policy says so. Both rows are
 * locked. Once a head: what is under way is not asked for again, and what failed waits for the next one.
 */
export const wishRebase = (tx: Transaction, project: BranchOwner, diff: Drifting): void => {
  const { headCommit: head, targetBranch, policy, archivedAt } = project
  const isDrifted = head != null && head !== diff.baseCommit && targetBranch === diff.targetBranch
  if (!isDrifted || archivedAt != null || !policy.autoRebase) {
    diff.autoRebase = null
    return
  }
  if (diff.autoRebase?.head === head) return
  diff.autoRebase = { head, failure: null }
  tx.enqueue(autoRebaseJob, { diffId: diff.id })
}
