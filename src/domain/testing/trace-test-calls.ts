import type { CallBook } from '../ports/model-gateway.ts'
import type { SpanFacts } from '../ports/tracer.ts'
import type { CallSite } from '../run/call-site.ts'
import { siteFacts, usageFacts } from '../run/trace-call.ts'
import type { Services } from '../shared/services.ts'

/** The same call book, whose calls are parts of the trace that the test is a part of, from their entry to their settlement. */
export const traceTestCalls = <Book extends CallBook>(services: Services, site: CallSite, book: Book): Book => {
  const { tracer } = services
  if (!tracer.isOn) return book
  // A call comes by a connection that the test made: nothing of ours is under way there.
  const trace = tracer.current()
  const underWay = new Map<string, { readonly model: string; readonly end: (facts: () => SpanFacts) => void }>()
  return {
    ...book,
    async admit(call) {
      const admission = await book.admit(call)
      if ('refusal' in admission) return admission
      const { callId } = admission
      const { provider, model, maxOutputTokens } = call
      const ended = new Promise<() => SpanFacts>((end) => underWay.set(callId, { model, end }))
      const facts = { ...siteFacts(site), provider, model, maxOutputTokens, callId, attempts: 1 }
      void tracer.span('model', facts, async (span) => span.note(await ended), { trace })
      return admission
    },
    async settle(callId, outcome) {
      const call = underWay.get(callId)
      underWay.delete(callId)
      call?.end(() =>
        outcome.status === 'ANSWERED'
          ? usageFacts(services, call.model, outcome.usage)
          : { failure: outcome.status === 'LOST' ? 'lost' : 'not_answered' },
      )
      await book.settle(callId, outcome)
    },
  }
}
