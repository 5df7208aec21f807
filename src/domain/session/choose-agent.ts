import type { Subagent } from '../run/subagent.ts'
import type { Services } from '../shared/services.ts'
import { fieldFault } from '../shared/validate.ts'
import type { SessionAgent } from './session.entity.ts'

/**
 * Who answers in a session: whom the person named, otherwise the configured one.
 * @throws ValidationError when the provider is not configured
 */
export const chooseAgent = (
  services: Services,
  role: 'coder' | 'evaluator',
  wanted: Subagent | null | undefined,
): SessionAgent => {
  const { models } = services
  const usual = models.sessionModel(role, wanted?.provider ?? null)
  const named = wanted?.provider ?? usual?.provider
  const provider = named && models.get(named)
  if (!usual || !provider) {
    throw named
      ? fieldFault(`${role}.provider`, `${named} is not configured on this server`)
      : fieldFault(
          role,
          'no provider is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or REHEARSAL=always for the offline rehearsal',
        )
  }
  return {
    provider: provider.provider,
    model: wanted?.model ?? usual.model,
    rehearsal: provider.rehearsal,
    label: wanted?.label ?? null,
    instructions: wanted?.instructions ?? null,
  }
}
