import type { ConversationMessage, ModelAnswer, ToolOutcome } from '../ports/model-provider.ts'
import { toolOutcome } from '../run/run-agent.ts'
import type { ToolCallRow } from '../run/tool-call.entity.ts'
import { rows } from '../shared/database.ts'
import { fenceData } from '../shared/fence-data.ts'
import type { Services } from '../shared/services.ts'

import { evaluationFeedback, turnPrompt } from './session-prompts.ts'
import type { SessionTurnRow } from './session-turn.entity.ts'
import type { TurnStatus } from './turn.status.ts'
import { turnScope } from './turn-scope.ts'
import type { SpokenMessage, TurnState } from './turn-state.ts'

type Recorded = {
  readonly answers: ReadonlyMap<string, readonly ModelAnswer[]>
  readonly toolCalls: ReadonlyMap<string, readonly ToolCallRow[]>
}

const grouped = <Item extends { readonly scope: string }>(items: readonly Item[]): Map<string, Item[]> =>
  Map.groupBy(items, ({ scope }) => scope)

/** The answers and tool results that are stored under these scopes. */
const readRecorded = async (services: Services, scopes: readonly string[]): Promise<Recorded> => {
  if (scopes.length === 0) return { answers: new Map(), toolCalls: new Map() }
  const read = rows(services.em())
  const [calls, toolCalls] = await Promise.all([
    read
      .selectFrom('ModelCall')
      .select(['scope', 'answer'])
      .where('scope', 'in', [...scopes])
      .where('status', '=', 'ANSWERED')
      .orderBy('sequence')
      .execute(),
    read
      .selectFrom('ToolCall')
      .selectAll()
      .where('scope', 'in', [...scopes])
      .execute(),
  ])
  const answers = new Map(
    [...grouped(calls)].map(([scope, own]) => [scope, own.flatMap(({ answer }) => answer ?? [])] as const),
  )
  return { answers, toolCalls: grouped(toolCalls) }
}

/** The answers of one scope, oldest first. */
export const recordedAnswers = async (services: Services, scope: string): Promise<readonly ModelAnswer[]> =>
  (await readRecorded(services, [scope])).answers.get(scope) ?? []

const notDone = 'This was not done: the turn was ended before.'

/** What was said in one scope, as far as it is stored. Every use of a tool has its result: providers ask for it. */
const replay = ({ answers, toolCalls }: Recorded, scope: string): readonly ConversationMessage[] =>
  (answers.get(scope) ?? []).flatMap((answer, turn): ConversationMessage[] => {
    if (answer.toolUses.length === 0) return [answer.turn]
    const outcomes = answer.toolUses.map((use, position): ToolOutcome => {
      const call = toolCalls.get(scope)?.find((made) => made.turn === turn && made.position === position)
      return toolOutcome(use, call ?? { result: notDone, isError: true })
    })
    return [answer.turn, { role: 'tool', outcomes }]
  })

const endings: Partial<Readonly<Record<TurnStatus, string>>> = {
  INTERRUPTED: 'The requester interrupted you here. What you did in the workspace is still there.',
  FAILED: 'This turn ended before you were done, by a fault that is not yours to mend.',
}

/** What the coder is told of a turn that was broken off. */
const ending = ({ status }: SessionTurnRow): readonly ConversationMessage[] => {
  const notice = endings[status]
  return notice === undefined ? [] : [{ role: 'user', text: fenceData('notice', notice) }]
}

const verdictOn = (message: SpokenMessage): ConversationMessage => ({
  role: 'user',
  text: evaluationFeedback(message.verdict ?? 'FAILED', message.text),
})

/**
 * The coder's whole conversation up to where it is to speak now: every turn with its rounds, tool calls and verdicts.
 * It is read from what is stored of each call, so it is the same after any interruption.
 */
export const coderConversation = async (
  services: Services,
  state: TurnState,
): Promise<readonly ConversationMessage[]> => {
  const rounds = state.turns.map((turn) => {
    const verdicts = state.messages.filter(({ turnId, role }) => turnId === turn.id && role === 'EVALUATOR')
    // The round after the last verdict is one that was broken off, or, in the current turn, the one that begins.
    return {
      turn,
      verdicts,
      scopes: [...verdicts.keys(), verdicts.length].map((at) => turnScope(turn.id, 'coder', at + 1)),
    }
  })
  const recorded = await readRecorded(
    services,
    rounds.flatMap(({ scopes }) => scopes),
  )
  return rounds.flatMap(({ turn, verdicts, scopes }): ConversationMessage[] => {
    const isCurrent = turn.id === state.turn.id
    return [
      { role: 'user', text: turn.prompt ?? turnPrompt(turn) },
      ...scopes.flatMap((scope, at) => {
        const verdict = verdicts[at]
        if (!verdict && isCurrent) return []
        return [...replay(recorded, scope), ...(verdict ? [verdictOn(verdict)] : [])]
      }),
      ...(isCurrent ? [] : ending(turn)),
    ]
  })
}
