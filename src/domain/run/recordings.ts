import type { ModelAnswer } from '../ports/model-provider.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { EarlierConversation } from './ancestors.ts'
import type { ToolCallRow } from './tool-call.entity.ts'

/**
 * What was bought and done is played back in two ways. A conversation that is taken up again goes by place alone: what
 * is stored there is used even if prompts or tools have changed since, so that a restart never buys anything twice. A
 * run that continues another one (a fork, a retry) takes from it what stands in the same place under the same hash, so
 * it departs where it first asks something else. Candidates that are independent of each other share nothing.
 */
export interface RecordedAnswer {
  /** The call that was answered by the provider. */
  readonly callId: string
  readonly requestHash: string
  readonly answer: ModelAnswer
}

/** The answer of the first of these conversations that has one in this place, under this hash if one is given. */
export const findAnswer = async (
  services: Services,
  conversations: readonly EarlierConversation[],
  sequence: number,
  requestHash: string | null,
): Promise<RecordedAnswer | undefined> => {
  const scopes = conversations.filter(({ until }) => until === null || sequence < until).map(({ scope }) => scope)
  if (scopes.length === 0) return undefined
  const read = rows(services.em())
  const found = await read
    .selectFrom('ModelCall')
    .select(['id', 'scope', 'requestHash', 'answer', 'replayedFromId'])
    .where('scope', 'in', [...scopes])
    .where('sequence', '=', sequence)
    .where('status', 'in', ['ANSWERED', 'REPLAYED'])
    .$if(requestHash !== null, (query) => query.where('requestHash', '=', requestHash ?? ''))
    .execute()
  const [call] = found.sort((a, b) => scopes.indexOf(a.scope) - scopes.indexOf(b.scope))
  if (!call) return undefined
  const callId = call.replayedFromId ?? call.id
  if (call.answer) return { callId, requestHash: call.requestHash, answer: call.answer }
  const original = await read.selectFrom('ModelCall').select('answer').where('id', '=', callId).executeTakeFirst()
  return original?.answer ? { callId, requestHash: call.requestHash, answer: original.answer } : undefined
}

/** Tool results that need not be made again. */
export interface RecordedResults {
  /** The result that the conversation itself has in this place. */
  own(turn: number, position: number): ToolCallRow | undefined
  /** The result that a conversation it continues has in this place under this hash. */
  earlier(turn: number, position: number, hash: string): ToolCallRow | undefined
}

export const loadResults = async (
  services: Services,
  scope: string,
  conversations: readonly EarlierConversation[],
): Promise<RecordedResults> => {
  const earlierScopes = conversations.map((conversation) => conversation.scope)
  const calls = await rows(services.em())
    .selectFrom('ToolCall')
    .selectAll()
    .where('scope', 'in', [scope, ...earlierScopes])
    .execute()
  const own = new Map(
    calls.filter((call) => call.scope === scope).map((call) => [`${call.turn}.${call.position}`, call]),
  )
  const earlier = calls
    .filter((call) => call.scope !== scope)
    .sort((a, b) => earlierScopes.indexOf(a.scope) - earlierScopes.indexOf(b.scope))
  return {
    own: (turn, position) => own.get(`${turn}.${position}`),
    earlier: (turn, position, hash) =>
      earlier.find((call) => call.turn === turn && call.position === position && call.hash === hash),
  }
}
