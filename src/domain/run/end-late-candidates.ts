import { leaseOn, revokeLeases } from '../lease/lease.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Transaction } from '../shared/transact.ts'
import { candidateScope } from './ancestors.ts'
import { Candidate } from './candidate.entity.ts'
import { settleLostCalls } from './record-call.ts'
import { toRunStatus } from './run.status.ts'

/**
 * Ends candidates whose time is up, with a recorded failure: whoever works on one finds its lease gone, which stops
 * its model call and its sandboxes. What they have stored stays, and so do the results of the others.
 * @param message names the limit
 * @param alsoRevoke the leases of those who work on them for their run
 */
export const endLateCandidates = async (
  tx: Transaction,
  candidateIds: readonly string[],
  message: string,
  alsoRevoke: readonly string[] = [],
): Promise<void> => {
  // Leases before rows, as a worker locks: one that ends this very moment has ended.
  await revokeLeases(tx, [...alsoRevoke, ...candidateIds.map((id) => leaseOn('candidate', id))])
  const atWork = await tx.em.find(Candidate, {
    id: { $in: [...candidateIds] },
    status: { $in: ['PENDING', 'RUNNING'] },
  })
  for (const candidate of atWork) {
    candidate.status = toRunStatus(candidate.status, 'FAILED')
    candidate.failure = { code: 'timeout', message: safeText(message), retryable: true }
    candidate.finishedAt = tx.now
  }
  await settleLostCalls(tx, { scope: { $in: atWork.map(({ id }) => candidateScope(id)) } })
}
