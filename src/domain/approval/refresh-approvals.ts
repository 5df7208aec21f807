import { reviewableStatuses } from '../diff/diff.status.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { type Approval, approvalSubject, loadApprovals } from './load-approval.ts'
import { refreshApproval } from './refresh-approval.ts'

const atOnce = 50

/** Whether a diff's status, or what a rule says of it, is not what its approval makes of it. */
const isBehind = (isApproved: boolean, { state, permittedBy }: Approval): boolean =>
  state.satisfied !== isApproved || (permittedBy !== null && state.given < state.required)

/**
 * Looks again at every diff of a locked project that waits for a person, after its policy or who may review there has
 * changed. Most stay as they are, and cost a part of a few queries.
 */
export const refreshApprovals = async (tx: Transaction, projectId: string): Promise<void> => {
  await tx.em.flush()
  const open = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', projectId)
    .where('status', 'in', [...reviewableStatuses])
    .orderBy('id')
    // Waited for: whoever is deciding on one now decided by what was before.
    .forUpdate()
    .execute()
  for (let at = 0; at < open.length; at += atOnce) {
    const ids = open.slice(at, at + atOnce).map(({ id }) => id)
    const diffs = await rows(tx.em)
      .selectFrom('Diff')
      .select([...approvalSubject, 'status'])
      .where('id', 'in', ids)
      .orderBy('id')
      .execute()
    const approvals = await loadApprovals(tx.em, diffs)
    for (const { id, status } of diffs) {
      const approval = approvals.get(id)
      if (approval && isBehind(status === 'APPROVED', approval)) await refreshApproval(tx, id)
    }
  }
}
