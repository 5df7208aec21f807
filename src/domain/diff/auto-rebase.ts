import { LockMode } from '@mikro-orm/core'
import { carryApprovals } from '../approval/carry-approvals.ts'
import { loadApproval } from '../approval/load-approval.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { DomainError } from '../errors.ts'
import { leaseOn, withLease } from '../lease/lease.ts'
import { refreshHead } from '../project/note-head.ts'
import { Project } from '../project/project.entity.ts'
import { rows } from '../shared/database.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { tellDiff } from './change-diff-status.ts'
import { Diff, type DiffRow } from './diff.entity.ts'
import { reviewableStatuses } from './diff.status.ts'
import { prepareRebase } from './prepare-rebase.ts'
import { replaceDiff } from './replace-diff.ts'
import { wishRebase } from './wish-rebase.ts'

/** Locks project and diff; undefined when the diff is not, or no longer, one that is brought to the head by itself. */
const findDue = async (tx: Transaction, projectId: string, diffId: string) => {
  const project = await tx.em.findOneOrFail(Project, { id: projectId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  const diff = await tx.em.findOneOrFail(Diff, { id: diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!diff.autoRebase || diff.autoRebase.failure !== null) return undefined
  const isApproved = reviewableStatuses.includes(diff.status) && (await loadApproval(tx.em, diff)).state.satisfied
  if (!isApproved) diff.autoRebase = null
  else wishRebase(tx, project, diff)
  return diff.autoRebase && { diff, head: diff.autoRebase.head }
}

/**
 * Brings a diff that people approved, and whose branch has moved, to the branch's head: as `rebaseDiff`, for the same
 * author and requester, with the approvals that `carryApprovals` takes along. One that cannot be brought there stays
 * where it is, says why, and waits for the branch to move again.
 */
export const autoRebase = async (services: Services, diffId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('auto-rebase', diffId), stop, async (lease) => {
    const found = await rows(services.em())
      .selectFrom('Diff')
      .select(['projectId', 'autoRebase'])
      .where('id', '=', diffId)
      .executeTakeFirst()
    if (!found?.autoRebase || found.autoRebase.failure !== null) return
    const { projectId } = found
    for (;;) {
      await refreshHead(services, projectId)
      const due = await lease.transact((tx) => findDue(tx, projectId, diffId))
      if (!due) return
      const old = due.diff as DiffRow
      // The branch, or what people think of the change, may be another by the time it is written.
      const findAgain = async (tx: Transaction) => {
        const again = await findDue(tx, projectId, diffId)
        return again?.head === due.head ? again : undefined
      }
      try {
        const { prepared, testCases } = await prepareRebase(services, old, due.head)
        const id = await replaceDiff(services, {
          old,
          prepared,
          testCases,
          find: findAgain,
          also: async (tx, id) => {
            await carryApprovals(tx, id)
            // Where a rule permits it, or nobody has to approve, nothing is carried.
            await refreshApproval(tx, id)
          },
          write: lease.transact,
        })
        if (id !== diffId) return
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        await lease.transact(async (tx) => {
          const again = await findAgain(tx)
          if (!again) return
          again.diff.autoRebase = { head: due.head, failure: safeText(error.message) }
          tellDiff(tx, again.diff)
        })
      }
    }
  })
}
