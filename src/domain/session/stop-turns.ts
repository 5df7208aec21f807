import type { InferEntity } from '@mikro-orm/core'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import { settleLostCalls } from '../run/record-call.ts'
import { ToolCall } from '../run/tool-call.entity.ts'
import type { Transaction } from '../shared/transact.ts'
import { endTestRuns } from '../testing/end-test-runs.ts'
import { TestRun } from '../testing/test-run.entity.ts'
import { endTurn } from './end-turn.ts'
import type { Session } from './session.entity.ts'
import { SessionTurn } from './session-turn.entity.ts'
import { openTurnStatuses } from './turn.status.ts'
import { coderScopes } from './turn-scope.ts'

/** Takes the session from whoever works on it. Before the session is locked, as the one who works on it locks. */
export const revokeSession = (tx: Transaction, sessionId: string): Promise<void> =>
  revokeLeases(tx, [leaseOn('session', sessionId)])

/** The workspace as the coder's last tool left it. */
const lastTree = async (tx: Transaction, turnId: string): Promise<string | null | undefined> => {
  const [call] = await tx.em.find(
    ToolCall,
    { scope: { $in: [...coderScopes(turnId)] } },
    { orderBy: { createdAt: 'desc', turn: 'desc', position: 'desc' }, limit: 1 },
  )
  return call?.tree
}

/** Ends the tests on what the coder submitted. */
const cancelTests = async (tx: Transaction, session: InferEntity<typeof Session>): Promise<void> => {
  const runs = await tx.em.find(
    TestRun,
    { sessionId: session.id, status: { $in: ['QUEUED', 'RUNNING'] } },
    { fields: ['id'] },
  )
  const ids = runs.map(({ id }) => id)
  await revokeLeases(
    tx,
    ids.map((id) => leaseOn('test-run', id)),
  )
  await endTestRuns(tx, ids, 'The session was interrupted before this test ended.')
}

/**
 * Ends everything that is under way or waits in a locked session whose lease was revoked: a turn that runs, its model
 * calls and tests, and the messages behind it. What is stored stays: the conversation, and the coder's workspace.
 */
export const stopTurns = async (tx: Transaction, session: InferEntity<typeof Session>): Promise<void> => {
  const turns = await tx.em.find(
    SessionTurn,
    { sessionId: session.id, status: { $in: [...openTurnStatuses] } },
    // The one that runs is the first: the session is told to be idle after the last.
    { orderBy: { position: 'asc' } },
  )
  for (const turn of turns) {
    if (turn.status === 'RUNNING') turn.tree = (await lastTree(tx, turn.id)) ?? turn.tree ?? turn.startTree ?? null
    await endTurn(tx, session, turn, 'INTERRUPTED')
  }
  await cancelTests(tx, session)
  await settleLostCalls(tx, { sessionId: session.id })
}
