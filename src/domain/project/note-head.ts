import { LockMode } from '@mikro-orm/core'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { changeDiffStatus } from '../diff/change-diff-status.ts'
import { Diff } from '../diff/diff.entity.ts'
import { reviewableStatuses } from '../diff/diff.status.ts'
import { type BranchOwner, wishRebase } from '../diff/wish-rebase.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { Project } from './project.entity.ts'

/**
 * Stores where a locked project's target branch stands. Diffs that are APPROVED on another base go back under review:
 * they would not be committed. Where the policy says so, they are brought to the head, and those that it did not work for
 * before are tried again. Where the branch is back at their base, what people thought of them counts again.
 */
export const noteHead = async (
  tx: Transaction,
  project: BranchOwner & { readonly id: string; headCommit?: string | null },
  oid: string | null,
): Promise<void> => {
  project.headCommit = oid
  // All that could be approved at this moment are waited for, so that none becomes APPROVED on the old head.
  const reviewable = await rows(tx.em)
    .selectFrom('Diff')
    .select(['id', 'status', 'baseCommit', 'targetBranch', 'autoRebase'])
    .where('projectId', '=', project.id)
    .where('status', 'in', [...reviewableStatuses])
    .orderBy('id')
    .forUpdate()
    .execute()
  const drifted = reviewable.filter(
    ({ status, baseCommit, autoRebase }) => (status === 'APPROVED' && baseCommit !== oid) || autoRebase !== null,
  )
  const diffs =
    drifted.length === 0
      ? []
      : await tx.em.find(
          Diff,
          { id: { $in: drifted.map(({ id }) => id) } },
          { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
        )
  for (const diff of diffs) {
    if (diff.status === 'APPROVED' && diff.baseCommit !== oid) changeDiffStatus(tx, diff, 'HUMAN_REVIEWING')
    wishRebase(tx, project, diff)
  }
  const waiting = reviewable.filter(
    ({ status, baseCommit, targetBranch }) =>
      status === 'HUMAN_REVIEWING' && baseCommit === oid && targetBranch === project.targetBranch,
  )
  for (const { id } of waiting) await refreshApproval(tx, id)
}

/**
 * Asks git where the target branch stands, and notes it. Safe beside others who move the branch: whoever stored a head
 * after git was asked knows better, and git is asked again.
 */
export const refreshHead = async (services: Services, projectId: string): Promise<void> => {
  for (;;) {
    const seen = await rows(services.em())
      .selectFrom('Project')
      .select(['targetBranch', 'headCommit'])
      .where('id', '=', projectId)
      .executeTakeFirstOrThrow()
    if (seen.targetBranch === null) return
    const oid = await services.git.branchHead(projectId, seen.targetBranch)
    if (oid === seen.headCommit) return
    const noted = await transact(services, async (tx) => {
      const project = await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      const isAsSeen = (project.headCommit ?? null) === seen.headCommit && project.targetBranch === seen.targetBranch
      if (isAsSeen) await noteHead(tx, project, oid)
      return isAsSeen
    })
    if (noted) return
  }
}
