import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import { type ConversationMessage, type ModelProvider, ProviderError } from '../ports/model-provider.ts'
import { safeJson } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { callModel } from './call-model.ts'
import type { CallSite } from './call-site.ts'
import { modelSchema } from './model-schema.ts'
import { AgentStoppedError } from './run-agent.ts'
import { siteFacts } from './trace-call.ts'

export interface Question<Answer> {
  readonly name: string
  readonly schema: z.ZodType<Answer>
  /** Of a question that asks for a judgement: the word that it comes to. */
  readonly verdictOf?: (answer: Answer) => string
  readonly model: string
  readonly system: string
  /** What was said before, oldest first. */
  readonly earlier?: readonly ConversationMessage[]
  readonly message: string
  readonly maxOutputTokens: number
}

const ask = async <Answer>(
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  sequence: number,
  question: Question<Answer>,
): Promise<Answer> => {
  const answer = await callModel(services, lease, site, provider, sequence, {
    model: question.model,
    system: question.system,
    messages: [...(question.earlier ?? []), { role: 'user', text: question.message }],
    tools: [],
    structured: { name: question.name, schema: modelSchema(question.schema) },
    maxOutputTokens: question.maxOutputTokens,
  })
  if (answer.stop === 'REFUSAL') throw new AgentStoppedError('refused', answer.text || 'The model refused.')
  if (answer.stop === 'LENGTH')
    throw new AgentStoppedError('output_limit', 'The answer was cut off at the output limit.')
  const malformed = (detail: string) =>
    new ProviderError(
      provider.provider,
      'malformed_answer',
      `The answer is not the ${question.name} that was asked for: ${detail}`,
      {
        retryable: false,
      },
    )
  let value: unknown
  try {
    value = safeJson(JSON.parse(answer.text))
  } catch (error) {
    throw malformed((error as Error).message)
  }
  const parsed = question.schema.safeParse(value)
  if (!parsed.success) throw malformed(z.prettifyError(parsed.error))
  return parsed.data
}

/**
 * Asks for one answer of a given shape.
 * @throws ProviderError (malformed_answer) when the answer has another shape, and what callModel throws
 */
export const askStructured = <Answer>(
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  sequence: number,
  question: Question<Answer>,
): Promise<Answer> => {
  const { name, model, verdictOf } = question
  const facts = { ...siteFacts(site), provider: provider.provider, model, ...(verdictOf && { evaluation: name }) }
  return services.tracer.span(verdictOf ? 'evaluation' : 'agent', facts, async (span) => {
    const answer = await ask(services, lease, site, provider, sequence, question)
    if (verdictOf) span.note(() => ({ verdict: verdictOf(answer) }))
    return answer
  })
}
