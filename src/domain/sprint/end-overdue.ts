import { LockMode } from '@mikro-orm/core'
import { leaseOn } from '../lease/lease.ts'
import { endLateCandidates } from '../run/end-late-candidates.ts'
import { isEnded } from '../run/run.status.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { endSprint } from './end-sprint.ts'
import { overdue } from './overdue.ts'
import type { PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'

const candidatesOf = (tx: Transaction, phase: Pick<PhaseRow, 'id'>) =>
  rows(tx.em)
    .selectFrom('Candidate')
    .innerJoin('AgentRun', 'AgentRun.id', 'Candidate.runId')
    .select(['Candidate.id', 'Candidate.status', 'Candidate.finishedAt'])
    .where('AgentRun.phaseId', '=', phase.id)
    // A phase that was tried before has a run of then as well, which has ended.
    .where('AgentRun.status', '=', 'RUNNING')
    .execute()

/** Verifiers are asked one after the other: one is at work, and the others stand by. */
const askedNow = async (tx: Transaction, ids: readonly string[]): Promise<readonly string[]> => {
  if (ids.length === 0) return []
  const calls = await rows(tx.em)
    .selectFrom('ModelCall')
    .select('candidateId')
    .where('candidateId', 'in', [...ids])
    .where('status', '=', 'SENT')
    .execute()
  return ids.filter((id) => calls.some(({ candidateId }) => candidateId === id))
}

/**
 * Ends what is late in a sprint: at the limit of Discovery or Coding the candidates that are still at work, so that one
 * of the others' results is chosen; at its own deadline the sprint.
 * @returns what was ended; after `candidates` the sprint has to be advanced
 */
export const endOverdue = async (tx: Transaction, sprintId: string): Promise<'candidates' | 'sprint' | null> => {
  const read = rows(tx.em)
  const open = await read
    .selectFrom('Sprint')
    .selectAll()
    .where('id', '=', sprintId)
    .where('status', '=', 'ACTIVE')
    .executeTakeFirst()
  if (!open) return null
  const phase = await read
    .selectFrom('Phase')
    .selectAll()
    .where('sprintId', '=', sprintId)
    .where('status', '=', 'RUNNING')
    .executeTakeFirst()
  const candidates = phase ? await candidatesOf(tx, phase) : []
  const late = overdue(open, phase, candidates, tx.now)
  if (late === null) return null
  const unfinished = candidates.filter(({ status }) => !isEnded(status)).map(({ id }) => id)
  const atWork = phase?.kind === 'VERIFICATION' ? await askedNow(tx, unfinished) : unfinished
  await endLateCandidates(tx, atWork, late.failure, late.ends === 'sprint' ? [leaseOn('sprint', sprintId)] : [])
  if (late.ends === 'candidates') return 'candidates'
  const sprint = await tx.em.findOne(
    Sprint,
    { id: sprintId, status: 'ACTIVE' },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  )
  if (!sprint) return null
  await endSprint(tx, sprint, 'FAILED', late.failure)
  return 'sprint'
}
