import type { ModelAnswer, ModelProvider, ModelRequest, TokenCount } from '../ports/model-provider.ts'
import type { SpanFacts } from '../ports/tracer.ts'
import type { Services } from '../shared/services.ts'
import type { CallSite } from './call-site.ts'

/** What a trace says of who asks. */
export const siteFacts = (site: Omit<CallSite, 'scope' | 'requestedById' | 'budgetIds'>): SpanFacts => ({
  projectId: site.projectId,
  sprintId: site.sprintId,
  runId: site.runId,
  candidateId: site.candidateId,
  sessionId: site.sessionId ?? null,
  agent: site.agent,
  iteration: site.iteration,
})

/** What a trace says of what a call used. */
export const usageFacts = ({ models }: Pick<Services, 'models'>, model: string, usage: TokenCount): SpanFacts => {
  const costUsd = models.costOf(model, usage)
  return { ...usage, ...(costUsd !== null && { costUsd }) }
}

/**
 * Sends a call, as a part of the trace.
 * @param sent what is known of it when it has ended: an attempt that broke off is followed by another one
 */
export const traceCall = (
  services: Services,
  site: CallSite,
  { provider, rehearsal }: Pick<ModelProvider, 'provider' | 'rehearsal'>,
  request: Pick<ModelRequest, 'model' | 'system' | 'messages' | 'maxOutputTokens'>,
  send: () => Promise<ModelAnswer>,
  sent: () => { readonly callId: string; readonly attempts: number },
): Promise<ModelAnswer> => {
  const { model, system, messages, maxOutputTokens } = request
  const facts = { ...siteFacts(site), provider, rehearsal, model, maxOutputTokens }
  return services.tracer.span(
    'model',
    facts,
    async (span) => {
      try {
        const answer = await send()
        const { usage, model: answeringModel, stop } = answer
        span.note(
          () => ({ ...usageFacts(services, model, usage), answeringModel, stop }),
          () => ({ answer }),
        )
        return answer
      } finally {
        span.note(sent)
      }
    },
    { content: () => ({ system, messages }) },
  )
}
