import { randomUUID } from 'node:crypto'
import type { Viewer } from '../actor/viewer.ts'
import type { Transaction } from '../shared/transact.ts'
import { Decision } from './decision.entity.ts'

/**
 * A person takes another candidate than the one that was selected, or one of a run that ended without a decision: the
 * decision is theirs then, and keeps what was decided before and what the judge said.
 */
export const overrule = async (
  tx: Transaction,
  viewer: Viewer,
  run: { readonly id: string },
  candidateId: string,
): Promise<void> => {
  const decision = await tx.em.findOne(Decision, { runId: run.id })
  if (decision?.selectedId === candidateId) return
  const byPerson = {
    overruledById: viewer.actor.id,
    overruledAt: tx.now,
    selectedId: candidateId,
    method: 'PERSON' as const,
  }
  if (decision) {
    decision.overruled ??= { selectedId: decision.selectedId, method: decision.method }
    Object.assign(decision, byPerson)
    return
  }
  tx.em.create(Decision, {
    id: randomUUID(),
    runId: run.id,
    ...byPerson,
    merged: false,
    rationale: 'The run ended without a decision; a person chose.',
    scores: [],
    createdAt: tx.now,
  })
}
