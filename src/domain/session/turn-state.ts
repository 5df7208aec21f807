import type { DiffRow } from '../diff/diff.entity.ts'
import type { ProjectRow } from '../project/project.entity.ts'
import type { CallSite } from '../run/call-site.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { TestRunRow } from '../testing/test-run.entity.ts'
import type { MessageRow } from './message.entity.ts'
import type { SessionRow } from './session.entity.ts'
import type { SessionTurnRow } from './session-turn.entity.ts'
import { openTurnStatuses } from './turn.status.ts'
import { turnScope } from './turn-scope.ts'

/** What an agent said, without what it was asked: a question has a whole change in it, and most steps need none. */
export type SpokenMessage = Pick<MessageRow, (typeof spokenColumns)[number]>

const spokenColumns = [
  'id',
  'turnId',
  'role',
  'iteration',
  'text',
  'verdict',
  'scope',
  'submittedTree',
  'testRunId',
] as const

/** A session with what decides the next step of the turn that is worked on. */
export interface TurnState {
  readonly session: SessionRow
  readonly project: ProjectRow
  readonly turn: SessionTurnRow
  /** All turns up to this one, oldest first. */
  readonly turns: readonly SessionTurnRow[]
  /** What the agents said in them, oldest first. */
  readonly messages: readonly SpokenMessage[]
  /** The newest of the session's diffs. */
  readonly lastDiff: DiffRow | undefined
}

/** The oldest turn that is still to be worked on; undefined when the session is idle. */
export const loadTurn = async (services: Services, sessionId: string): Promise<TurnState | undefined> => {
  const read = rows(services.em())
  const turn = await read
    .selectFrom('SessionTurn')
    .selectAll()
    .where('sessionId', '=', sessionId)
    .where('status', 'in', [...openTurnStatuses])
    .orderBy('position')
    .limit(1)
    .executeTakeFirst()
  if (!turn) return undefined
  const session = await read.selectFrom('Session').selectAll().where('id', '=', sessionId).executeTakeFirstOrThrow()
  const [project, turns, messages, lastDiff] = await Promise.all([
    read.selectFrom('Project').selectAll().where('id', '=', session.projectId).executeTakeFirstOrThrow(),
    read
      .selectFrom('SessionTurn')
      .selectAll()
      .where('sessionId', '=', sessionId)
      .where('position', '<=', turn.position)
      .orderBy('position')
      .execute(),
    read
      .selectFrom('Message')
      .select([...spokenColumns])
      .where('sessionId', '=', sessionId)
      .where('role', '<>', 'USER')
      .orderBy('createdAt')
      .execute(),
    read
      .selectFrom('Diff')
      .selectAll()
      .where('sessionId', '=', sessionId)
      .orderBy('createdAt', 'desc')
      .limit(1)
      .executeTakeFirst(),
  ])
  return { session, project, turn, turns, messages, lastDiff }
}

/** Where the turn stands in its rounds. */
export interface Round {
  /** From 1. */
  readonly number: number
  /** What the coder said in this round, once it has. */
  readonly coder: SpokenMessage | undefined
  /** Of the round before. */
  readonly verdict: SpokenMessage | undefined
}

/** The round that is worked on: after a verdict, the next one. */
export const currentRound = ({ turn, messages }: TurnState): Round => {
  const own = messages.filter(({ turnId }) => turnId === turn.id)
  const verdict = own.findLast(({ role }) => role === 'EVALUATOR')
  const number = (verdict?.iteration ?? 0) + 1
  return { number, verdict, coder: own.find(({ role, iteration }) => role === 'CODER' && iteration === number) }
}

/** On whose behalf an agent of the session calls its model. */
export const sessionSite = (
  { session, project, turn }: TurnState,
  agent: 'coder' | 'evaluator',
  round: number,
): CallSite & { readonly scope: string } => ({
  projectId: project.id,
  sprintId: null,
  runId: null,
  sessionId: session.id,
  candidateId: null,
  requestedById: turn.requestedById,
  agent,
  scope: turnScope(turn.id, agent, round),
  iteration: round,
  budgetIds: [project.budgetId, session.budgetId],
})

export const findTestRun = async (services: Services, id: string): Promise<TestRunRow> =>
  rows(services.em()).selectFrom('TestRun').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
