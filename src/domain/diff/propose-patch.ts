import { randomUUID } from 'node:crypto'
import { DomainError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { TestCaseRow } from '../testing/test-case.entity.ts'
import { pendingDiffStatuses } from './diff.status.ts'
import { keepResult, type PreparedDiff } from './prepare-diff.ts'
import { type NewDiff, storeDiff } from './store-diff.ts'

/** A change that has been prepared, with everything that its row needs besides. */
export interface Proposal {
  readonly diff: Omit<NewDiff, 'id'>
  readonly prepared: PreparedDiff
  /** Those that are run on it at once. */
  readonly testCases: readonly TestCaseRow[]
}

/** What the caller's transaction knows better than the proposal. */
export type LateFacts = Partial<Pick<NewDiff, 'commitMessage' | 'supersedesId' | 'iteration'>>

/** Stores the proposal's rows in the caller's transaction. @returns the diff's id */
export type StoreProposal = (tx: Transaction, late?: LateFacts) => Promise<string>

/**
 * The one way from a prepared change to a diff: its result is kept in the repository, then `within` runs a transaction
 * in which the rows are stored. What `within` gives back may be the id of an earlier diff; then this one's result is
 * let go again. After a fault that leaves open whether the rows were stored the result stays: it is swept when no row
 * has it.
 */
export const proposePatch = async (
  services: Services,
  { diff, prepared, testCases }: Proposal,
  within: (store: StoreProposal) => Promise<string>,
): Promise<string> => {
  const { git } = services
  const id = randomUUID()
  await keepResult(services, diff.projectId, id, prepared, services.clock())
  try {
    const stored = await within(async (tx, late = {}) => {
      await storeDiff(services, tx, { ...diff, ...late, id }, prepared, testCases)
      return id
    })
    if (stored !== id) await git.release(diff.projectId, 'diffs', id)
    return stored
  } catch (error) {
    if (error instanceof DomainError) await git.release(diff.projectId, 'diffs', id)
    throw error
  }
}

/** The same proposal by the same author that still waits for a person: a second click makes no second diff. */
export const findSameProposal = async (tx: Transaction, { diff, prepared }: Proposal): Promise<string | undefined> => {
  const found = await rows(tx.em)
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', diff.projectId)
    .where('authorId', '=', diff.authorId)
    .where('origin', '=', diff.origin)
    .where('baseCommit', '=', prepared.baseCommit)
    .where('contentHash', '=', prepared.contentHash)
    .where('commitMessage', '=', diff.commitMessage)
    .where('status', 'in', pendingDiffStatuses)
    .limit(1)
    .executeTakeFirst()
  return found?.id
}
