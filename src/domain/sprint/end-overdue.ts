import { LockMode } from '@mikro-orm/core'
import { leaseOn } from '../lease/lease.ts'
import { endLateCandidates } from '../run/end-late-candidates.ts'
import { isEnded } from '../run/run.status.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { endSprint } from './end-sprint.ts'
import { overdue } from './overdue.ts'
import { Sprint } from './sprint.entity.ts'

/** A sprint that is under way, its running phase and those who work on that. */
const readOpen = async (tx: Transaction, sprintId: string) => {
  const read = rows(tx.em)
  const sprint = await read
    .selectFrom('Sprint')
    .select(['deadlineAt', 'deadlineSeconds'])
    .where('id', '=', sprintId)
    .where('status', '=', 'ACTIVE')
    .executeTakeFirst()
  if (!sprint) return undefined
  // In one statement: a phase that ends in between would seem to have nobody who works on it.
  const found = await read
    .selectFrom('Phase')
    // A phase that was tried before has a run of then as well, which has ended.
    .leftJoin('AgentRun', (join) =>
      join.onRef('AgentRun.phaseId', '=', 'Phase.id').on('AgentRun.status', '=', 'RUNNING'),
    )
    .leftJoin('Candidate', 'Candidate.runId', 'AgentRun.id')
    .select(['Phase.kind', 'Phase.deadlineAt', 'Candidate.id', 'Candidate.status', 'Candidate.finishedAt'])
    .where('Phase.sprintId', '=', sprintId)
    .where('Phase.status', '=', 'RUNNING')
    .execute()
  const candidates = found.flatMap(({ id, status, finishedAt }) => (id && status ? [{ id, status, finishedAt }] : []))
  return { sprint, phase: found[0], candidates }
}

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
 * @returns whether the sprint was ended; one that `goes on` has to be advanced; null when nothing was late
 */
export const endOverdue = async (tx: Transaction, sprintId: string): Promise<'sprint' | 'goes on' | null> => {
  const open = await readOpen(tx, sprintId)
  const late = open && overdue(open.sprint, open.phase, open.candidates, tx.now)
  if (!late) return null
  const unfinished = open.candidates.filter(({ status }) => !isEnded(status)).map(({ id }) => id)
  const atWork = open.phase?.kind === 'VERIFICATION' ? await askedNow(tx, unfinished) : unfinished
  await endLateCandidates(tx, atWork, late.failure, late.ends === 'sprint' ? [leaseOn('sprint', sprintId)] : [])
  if (late.ends === 'candidates') return 'goes on'
  const sprint = await tx.em.findOne(
    Sprint,
    { id: sprintId, status: 'ACTIVE' },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  )
  if (!sprint) return null
  // Whoever worked on it may have stored what it waited for before its lease was taken.
  const now = await readOpen(tx, sprintId)
  const still = now && overdue(now.sprint, now.phase, now.candidates, tx.now)
  if (still?.ends !== 'sprint') return 'goes on'
  await endSprint(tx, sprint, 'FAILED', late.failure)
  return 'sprint'
}
