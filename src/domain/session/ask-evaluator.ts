import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import { type ConversationMessage, ProviderError } from '../ports/model-provider.ts'
import { askStructured } from '../run/ask-structured.ts'
import { roomForQuestion } from '../run/fit-context.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { withInstructions } from '../sprint/sprint-prompts.ts'
import type { MessageRow } from './message.entity.ts'
import { messageIdOf } from './message-id.ts'
import { providerOf } from './session-agent.ts'
import { evaluatorSystem } from './session-prompts.ts'
import { memberText, speaking } from './speak.ts'
import { sessionSite, type TurnState } from './turn-state.ts'

const answer = z.strictObject({
  // First, so that it is written before the verdict, and can be read along.
  reasoning: z.string().min(1).max(20_000),
  verdict: z.enum(['APPROVE', 'REJECT']),
  reasons: z.array(z.string().min(1).max(5_000)).max(50).describe('For the coder, when the verdict is REJECT.'),
  commitMessage: z.string().max(20_000).nullable().describe('When the verdict is APPROVE.'),
})

export type EvaluatorAnswer =
  | { readonly verdict: 'APPROVED'; readonly reasoning: string; readonly commitMessage: string }
  | { readonly verdict: 'REJECTED'; readonly reasoning: string; readonly reasons: readonly string[] }

const maxOutputTokens = 4_000

const systemOf = ({ session }: Pick<TurnState, 'session'>): string =>
  withInstructions(evaluatorSystem, session.evaluator.instructions)

/** How much the evaluator's model takes in one question, in bytes of JSON. */
export const evaluatorRoom = ({ models }: Pick<Services, 'models'>, state: Pick<TurnState, 'session'>): number =>
  roomForQuestion(models.inputLimitOf(state.session.evaluator.model), maxOutputTokens, systemOf(state))

// Of earlier questions, the newest first: each has a whole change in it.
const maxRememberedCharacters = 200_000

/** The newest of them that the evaluator can be reminded of, oldest first. */
const newestOf = <Judgement extends Pick<MessageRow, 'question' | 'text'>>(
  judgements: readonly Judgement[],
): readonly Judgement[] => {
  let left = maxRememberedCharacters
  const from = judgements.findLastIndex(({ question, text }) => {
    left -= (question?.length ?? 0) + text.length
    return left < 0
  })
  return judgements.slice(from + 1)
}

/** What the evaluator was asked and answered since the session's last commit, which clears it. */
const earlierJudgements = async (services: Services, state: TurnState): Promise<readonly ConversationMessage[]> => {
  const remembered = state.turns.filter(({ epoch }) => epoch === state.turn.epoch).map(({ id }) => id)
  const judgements = newestOf(
    await rows(services.em())
      .selectFrom('Message')
      .select(['question', 'text', 'modelCallId'])
      .where('turnId', 'in', remembered)
      .where('role', '=', 'EVALUATOR')
      .where('question', 'is not', null)
      .where('modelCallId', 'is not', null)
      .orderBy('createdAt')
      .execute(),
  )
  if (judgements.length === 0) return []
  const calls = await rows(services.em())
    .selectFrom('ModelCall')
    .select(['id', 'answer'])
    .where(
      'id',
      'in',
      judgements.flatMap(({ modelCallId }) => modelCallId ?? []),
    )
    .execute()
  const answers = new Map(calls.map((call) => [call.id, call.answer]))
  return judgements.flatMap(({ question, modelCallId }) => {
    const given = answers.get(modelCallId ?? '')
    return given ? [{ role: 'user' as const, text: question ?? '' }, given.turn] : []
  })
}

/**
 * Asks the evaluator about a change that the coder submitted.
 * @throws ProviderError (malformed_answer) also for a verdict without what has to come with it; what askStructured throws
 */
export const askEvaluator = async (
  services: Services,
  lease: HeldLease,
  state: TurnState,
  round: number,
  question: string,
): Promise<EvaluatorAnswer> => {
  const { session } = state
  const site = sessionSite(state, 'evaluator', round)
  const chosen = providerOf(services, session.evaluator)
  const message = { sessionId: session.id, messageId: messageIdOf(site.scope), agent: 'evaluator', iteration: round }
  const provider = speaking(chosen, services.textFeed, message, '', () => memberText('reasoning'))
  const given = await askStructured(services, lease, site, provider, 0, {
    name: 'evaluation',
    schema: answer,
    verdictOf: ({ verdict }) => verdict,
    model: session.evaluator.model,
    system: systemOf(state),
    earlier: await earlierJudgements(services, state),
    message: question,
    maxOutputTokens,
  })
  const incomplete = (what: string) =>
    new ProviderError(chosen.provider, 'malformed_answer', `The evaluator's verdict came without ${what}.`, {
      retryable: false,
    })
  const { reasoning, reasons } = given
  if (given.verdict === 'REJECT') {
    if (reasons.length === 0) throw incomplete('a reason')
    return { verdict: 'REJECTED', reasoning, reasons }
  }
  if (!given.commitMessage?.trim()) throw incomplete('a commit message')
  return { verdict: 'APPROVED', reasoning, commitMessage: given.commitMessage }
}
