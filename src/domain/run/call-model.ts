import type { Amount } from '../budget/reserve.ts'
import type { HeldLease } from '../lease/lease.ts'
import type { ModelAnswer, ModelProvider, ModelRequest } from '../ports/model-provider.ts'
import { ProviderError } from '../ports/model-provider.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { safeJson } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { CallSite } from './call-site.ts'
import { fitContext } from './fit-context.ts'
import { type PlacedCall, recordFirst, recordNext, recordReplay, storeAnswer, storeFailure } from './record-call.ts'
import { findAnswer } from './recordings.ts'
import { traceCall } from './trace-call.ts'

export type CallRequest = Omit<ModelRequest, 'signal' | 'onText' | 'onLostAttempt'>

// A reservation has to be the worst case: a token of a byte-level vocabulary stands for one byte at least. Nothing less
// will do: measured in bytes a token with o200k_base, cuneiform takes 1.00, Amharic 1.43, base64 1.46 and hex 1.76.
const bytesPerToken = 1

// Providers put words of their own around messages, tools and the shape of an answer: some hundreds of tokens.
const framingTokens = 1_000

/** The most that a call may cost, going by the size of its request. */
export const worstCaseOf = (
  { models }: Pick<Services, 'models'>,
  {
    model,
    inputBytes,
    maxOutputTokens,
  }: Pick<CallRequest, 'model' | 'maxOutputTokens'> & { readonly inputBytes: number },
): Amount => {
  const inputTokens = Math.ceil(inputBytes / bytesPerToken) + framingTokens
  const tokens = {
    inputTokens,
    cachedInputTokens: 0,
    cacheWriteInputTokens: inputTokens,
    outputTokens: maxOutputTokens,
  }
  return { costUsd: models.costOf(model, tokens), tokens: inputTokens + maxOutputTokens }
}

const worstCase = (services: Services, request: CallRequest): Amount => {
  const sent = JSON.stringify([request.system, request.messages, request.tools, request.structured ?? null])
  return worstCaseOf(services, { ...request, inputBytes: Buffer.byteLength(sent) })
}

// A refusal bought nothing; a stream that broke off may have, and so may what we know nothing of.
const boughtNothing = (error: unknown): boolean => error instanceof ProviderError && !error.mayHaveCost

/** An answer that was bought before: in this place, or by a conversation that this one continues. */
const replay = async (services: Services, lease: HeldLease, call: PlacedCall): Promise<ModelAnswer | undefined> => {
  const { site, sequence, requestHash } = call
  const own = await findAnswer(services, [{ scope: site.scope, until: null }], sequence, null)
  if (own) {
    if (own.requestHash !== requestHash) {
      const fields = { scope: site.scope, sequence }
      services.log.warn(fields, 'prompt or tools have changed since this answer was bought; it is used all the same')
    }
    return own.answer
  }
  const earlier = await findAnswer(services, site.replays ?? [], sequence, requestHash)
  if (earlier) await recordReplay(lease, call, earlier.callId)
  return earlier?.answer
}

/**
 * Makes one call to a model, or gives back the stored answer if it was made before: it is never bought twice.
 * Reserved and recorded before it is sent, as soon as its provider and its project have a slot; settled when its
 * outcome is known.
 * @param sequence the call's place in the conversation `site.scope`, from 0
 * @throws BudgetExceededError, ProviderError, LeaseLostError, or the lease's signal's reason
 */
export const callModel = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  sequence: number,
  conversation: CallRequest,
): Promise<ModelAnswer> => {
  const request = fitContext(conversation, services.models.inputLimitOf(conversation.model))
  const requestHash = canonicalHash({ provider: provider.provider, request })
  const traceId = services.tracer.traceId()
  const call: PlacedCall = { site, provider, sequence, request, requestHash, traceId }
  const stored = await replay(services, lease, call)
  if (stored) {
    if (stored.text !== '') site.onText?.(stored.text)
    return stored
  }
  lease.mayBegin()
  const worst = worstCase(services, request)
  let callId = await recordFirst(services, lease, call, worst)
  let attempts = 1
  // An attempt that broke off is settled as lost, and the next one is a call of its own.
  const onLostAttempt = async () => {
    lease.mayBegin()
    callId = await recordNext(lease, call, worst)
    attempts += 1
  }
  let answer: ModelAnswer
  try {
    const { onText } = site
    lease.mustBeHeld()
    const send = () => provider.complete({ ...request, signal: lease.signal, onLostAttempt, ...(onText && { onText }) })
    answer = safeJson(await traceCall(services, site, provider, request, send, () => ({ callId, attempts })))
  } catch (error) {
    // Without the lease the call stays SENT; whoever takes the step up settles it.
    if (!lease.signal.aborted) await storeFailure(lease, callId, error, !boughtNothing(error))
    throw error
  }
  await storeAnswer(services, lease, site, callId, { usage: answer.usage, answer })
  return answer
}
