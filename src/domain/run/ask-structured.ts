import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import { type ConversationMessage, type ModelProvider, ProviderError } from '../ports/model-provider.ts'
import { safeJson } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { callModel } from './call-model.ts'
import type { CallSite } from './call-site.ts'
import { modelSchema } from './model-schema.ts'
import { AgentStoppedError } from './run-agent.ts'

export interface Question<Answer> {
  readonly name: string
  readonly schema: z.ZodType<Answer>
  readonly model: string
  readonly system: string
  /** What was said before, oldest first. */
  readonly earlier?: readonly ConversationMessage[]
  readonly message: string
  readonly maxOutputTokens: number
}

/**
 * Asks for one answer of a given shape.
 * @throws ProviderError (malformed_answer) when the answer has another shape, and what callModel throws
 */
export const askStructured = async <Answer>(
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
