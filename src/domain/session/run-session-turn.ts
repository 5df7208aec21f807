import { LockMode } from '@mikro-orm/core'
import { DomainError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import { testRunTransitions } from '../testing/test-run.status.ts'
import { beginTurn } from './begin-turn.ts'
import { endTurn } from './end-turn.ts'
import { evaluateSubmission } from './evaluate-submission.ts'
import { runCoder } from './run-coder.ts'
import { Session } from './session.entity.ts'
import { SessionTurn } from './session-turn.entity.ts'
import { currentRound, findTestRun, loadTurn, type TurnState } from './turn-state.ts'

/** One step from where the rows say the turn is. @returns false when there is nothing to do but wait */
const step = async (services: Services, lease: HeldLease, state: TurnState): Promise<boolean> => {
  if (state.turn.status === 'WAITING') {
    await beginTurn(services, lease, state)
    return true
  }
  const { number, coder } = currentRound(state)
  if (!coder) {
    await runCoder(services, lease, state, number)
    return true
  }
  if (coder.testRunId !== null) {
    const { status } = await findTestRun(services, coder.testRunId)
    if (testRunTransitions[status].length > 0) return false
  }
  await evaluateSubmission(services, lease, state, coder)
  return true
}

/** A fault that no agent answers for ends the turn with its words: tried again, it would be the same. */
const fail = (lease: HeldLease, { session, turn }: TurnState, failure: string): Promise<void> =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Session, { id: session.id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    await endTurn(tx, row, await tx.em.findOneOrFail(SessionTurn, { id: turn.id }), 'FAILED', failure)
  })

/**
 * Works on a session's turns, one after the other, as far as they can go now. It looks only at the rows, so it may be
 * called at any time, twice, or after a kill.
 */
export const runSessionTurn = async (services: Services, sessionId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('session', sessionId), stop, async (lease) => {
    for (;;) {
      lease.mayBegin()
      const state = await loadTurn(services, sessionId)
      if (!state) return
      try {
        const facts = { step: 'session turn', sessionId, projectId: state.project.id }
        if (!(await services.tracer.join(state.turn.trace, facts, () => step(services, lease, state)))) return
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        await fail(lease, state, error.message)
      }
    }
  })
}
