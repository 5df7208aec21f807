import { randomUUID } from 'node:crypto'
import { LockMode } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import { Diff } from '../diff/diff.entity.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { Review } from '../review/review.entity.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { latestResults } from '../testing/latest-results.ts'
import { currentBinding } from './approval.ts'
import { approvalSubject, loadApproval } from './load-approval.ts'
import { refreshApproval } from './refresh-approval.ts'

/** The tests that passed when they were last run on a diff. A case whose definition was changed since is another test. */
const greenTests = async (em: EntityManager, diffId: string): Promise<ReadonlySet<string>> => {
  const results = await latestResults(em, [diffId])
  const green = results.filter(({ status }) => status === 'PASSED')
  return new Set(green.map(({ testCaseId, definitionHash }) => `${testCaseId} ${definitionHash}`))
}

const findShown = (em: EntityManager, id: string) =>
  rows(em)
    .selectFrom('Diff')
    .innerJoin('SafetyEvaluation', 'SafetyEvaluation.id', 'Diff.safetyId')
    .select([
      ...approvalSubject.map((property) => `Diff.${property}` as const),
      'Diff.iteration',
      'Diff.supersedesId',
      'SafetyEvaluation.report',
    ])
    .where('Diff.id', '=', id)
    .executeTakeFirst()
type Shown = NonNullable<Awaited<ReturnType<typeof findShown>>>

/** The diff that this one is a rebase of with nothing else changed; undefined when it is none. */
const rebasedFrom = async (em: EntityManager, diff: Shown): Promise<Shown | undefined> => {
  const earlier = diff.supersedesId === null ? undefined : await findShown(em, diff.supersedesId)
  const isSame =
    earlier !== undefined &&
    earlier.iteration === diff.iteration &&
    earlier.baseCommit !== diff.baseCommit &&
    earlier.changeHash === diff.changeHash &&
    earlier.report.reportHash === diff.report.reportHash &&
    earlier.commitMessage === diff.commitMessage
  return isSame ? earlier : undefined
}

/**
 * Gives a rebased diff the approvals that its earlier self had, as new reviews that name the old ones: only when the
 * change and the safety report are the same to the letter, and every test that was green is green again. Looks back
 * over several rebases to the nearest that was reviewed. Calling it again carries nothing twice.
 */
export const carryApprovals = async (tx: Transaction, diffId: string): Promise<void> => {
  // Locked: of two test runs that end at once the second sees what the first carried.
  const locked = await tx.em.findOne(Diff, { id: diffId }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  // What was decided on, or replaced, meanwhile stays as it was decided.
  if (!locked || !pendingDiffStatuses.includes(locked.status)) return
  const diff = await findShown(tx.em, diffId)
  if (!diff) return
  let earlier = await rebasedFrom(tx.em, diff)
  for (; earlier; earlier = await rebasedFrom(tx.em, earlier)) {
    const approval = await loadApproval(tx.em, earlier)
    // A rule is asked again, about what there is now.
    const given = approval.reviews.filter(
      ({ id, verdict, rule }) => rule === null && verdict === 'APPROVE' && approval.holding.has(id),
    )
    if (given.length === 0) continue
    const [was, is] = [await greenTests(tx.em, earlier.id), await greenTests(tx.em, diff.id)]
    if (![...was].every((id) => is.has(id))) return
    const own = await loadApproval(tx.em, diff)
    const binding = currentBinding(own.facts, own.policy)
    const done = new Set(
      own.reviews
        .filter(({ id, verdict, rule }) => rule === null && verdict === 'APPROVE' && own.holding.has(id))
        .map((each) => each.reviewerId),
    )
    for (const { id, reviewerId, feedback, tokenRole } of given) {
      if (done.has(reviewerId)) continue
      done.add(reviewerId)
      tx.em.create(Review, {
        id: randomUUID(),
        diffId,
        reviewerId,
        verdict: 'APPROVE',
        feedback,
        ...binding,
        tokenRole,
        rule: null,
        carriedFromId: id,
        createdAt: tx.now,
      })
    }
    await tx.em.flush()
    await refreshApproval(tx, diffId)
    return
  }
}
