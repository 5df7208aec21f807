import { LockMode } from '@mikro-orm/core'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import { AgentRun } from './agent-run.entity.ts'
import { endLateCandidates } from './end-late-candidates.ts'
import { endRun } from './end-run.ts'
import { isEnded } from './run.status.ts'
import { candidateOverdue, decisionOverdue, whatIsLate } from './time-limits.ts'

/**
 * Ends what is late in a run outside a sprint: its candidates at its limit, itself only when nothing comes of the others'
 * results either.
 * @returns what was ended; after `candidates` the run has to be advanced
 */
export const endOverdueRun = async (tx: Transaction, id: string): Promise<'candidates' | 'run' | null> => {
  const read = rows(tx.em)
  const open = await read
    .selectFrom('AgentRun')
    .select('deadlineAt')
    .where('id', '=', id)
    .where('status', '=', 'RUNNING')
    .executeTakeFirst()
  if (!open) return null
  const candidates = await read
    .selectFrom('Candidate')
    .select(['id', 'status', 'finishedAt'])
    .where('runId', '=', id)
    .execute()
  const late = whatIsLate(open.deadlineAt, candidates, tx.now)
  if (late === null) return null
  if (late === 'candidates') {
    const atWork = candidates.filter(({ status }) => !isEnded(status))
    await endLateCandidates(
      tx,
      atWork.map((candidate) => candidate.id),
      candidateOverdue,
    )
    return 'candidates'
  }
  const run = await tx.em.findOne(AgentRun, { id, status: 'RUNNING' }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  if (!run) return null
  await endRun(tx, run, 'FAILED', decisionOverdue)
  return 'run'
}
