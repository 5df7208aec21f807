import { randomBytes, randomUUID } from 'node:crypto'
import { type Amount, reserve, settle } from '../budget/reserve.ts'
import type { HeldLease } from '../lease/lease.ts'
import type { ModelAnswer, ModelProvider, ModelRequest, TokenCount } from '../ports/model-provider.ts'
import { ProviderError } from '../ports/model-provider.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { safeJson, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { EarlierConversation } from './ancestors.ts'
import { fitContext } from './fit-context.ts'
import { ModelCall } from './model-call.entity.ts'
import { findAnswer } from './recordings.ts'

/** On whose behalf a call is made, and where in its conversation it stands. */
export interface CallSite {
  readonly projectId: string
  readonly specId?: string | null
  readonly sprintId: string | null
  readonly runId: string | null
  readonly sessionId?: string | null
  readonly candidateId: string | null
  readonly requestedById: string
  /** Who asks, as the usage report names it: coder, judge, ... */
  readonly agent: string
  /** Names the conversation; with the sequence, the place of this call for ever. */
  readonly scope: string
  readonly iteration: number
  /** From the widest to the narrowest: the first without room is the one that is named. */
  readonly budgetIds: readonly string[]
  /** Conversations that this one continues, the nearest first: what they have in the same place is played back. */
  readonly replays?: readonly EarlierConversation[]
  /** Called with each piece of visible text as it is written; with the whole text of an answer that is played back. */
  readonly onText?: (text: string) => void
  /** Of the work that the call is a part of; each call has its own if absent. */
  readonly traceId?: string
}

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

/**
 * Calls that nobody waits for any more, since their process died or their work was canceled: what they cost is not
 * known, so their reservation counts as spent.
 */
export const settleLostCalls = async (
  tx: Transaction,
  which:
    | { readonly scope: string; readonly sequence?: number }
    | { readonly runId: { readonly $in: string[] } }
    | { readonly sessionId: string }
    | { readonly scope: { readonly $in: string[] } },
): Promise<void> => {
  for (const call of await tx.em.find(ModelCall, { ...which, status: 'SENT' })) {
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, reserved)
    call.status = 'LOST'
    call.finishedAt = tx.now
    call.failure = 'It broke off, the process that made it ended, or the work was canceled, before it was answered.'
  }
}

/** A call in its place, before anything is known of it. */
interface PlacedCall {
  readonly site: CallSite
  readonly provider: Pick<ModelProvider, 'provider' | 'rehearsal'>
  readonly sequence: number
  readonly request: Pick<CallRequest, 'model'>
  readonly requestHash: string
}

const newCall = ({ site, provider, sequence, request, requestHash }: PlacedCall) => ({
  id: randomUUID(),
  projectId: site.projectId,
  sprintId: site.sprintId,
  runId: site.runId,
  sessionId: site.sessionId ?? null,
  candidateId: site.candidateId,
  requestedById: site.requestedById,
  agent: site.agent,
  scope: site.scope,
  sequence,
  requestHash,
  provider: provider.provider,
  model: request.model,
  rehearsal: provider.rehearsal,
  budgetIds: site.budgetIds,
  reservedCostUsd: 0,
  reservedTokens: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  traceId: site.traceId ?? randomBytes(16).toString('hex'),
})

/** Reserves and records a call that is about to be sent. @returns its id @throws BudgetExceededError */
export const recordCall = async (tx: Transaction, call: PlacedCall, worst: Amount): Promise<string> => {
  await reserve(tx, call.site.budgetIds, worst)
  const row = {
    ...newCall(call),
    status: 'SENT' as const,
    reservedCostUsd: worst.costUsd ?? 0,
    reservedTokens: worst.tokens,
    startedAt: tx.now,
  }
  tx.em.create(ModelCall, row)
  return row.id
}

const record = (lease: HeldLease, call: PlacedCall, worst: Amount) =>
  lease.transact(async (tx) => {
    await settleLostCalls(tx, { scope: call.site.scope, sequence: call.sequence })
    return recordCall(tx, call, worst)
  })

const recordReplay = (lease: HeldLease, call: PlacedCall, replayedFromId: string) =>
  lease.transact(async (tx) => {
    tx.em.create(ModelCall, {
      ...newCall(call),
      status: 'REPLAYED',
      replayedFromId,
      startedAt: tx.now,
      finishedAt: tx.now,
    })
  })

/** Settles a call that was answered. @param answer null where it is not ours to keep */
export const storeAnswer = (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  callId: string,
  { usage, answer }: { readonly usage: TokenCount; readonly answer: ModelAnswer | null },
): Promise<void> =>
  lease.transact(async (tx) => {
    const call = await tx.em.findOneOrFail(ModelCall, { id: callId })
    const costUsd = services.models.costOf(call.model, usage)
    const tokens = usage.inputTokens + usage.outputTokens
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, { costUsd, tokens })
    call.status = 'ANSWERED'
    call.answer = answer
    call.inputTokens = usage.inputTokens
    call.cachedInputTokens = usage.cachedInputTokens
    call.outputTokens = usage.outputTokens
    call.costUsd = costUsd
    call.finishedAt = tx.now
    tx.emit(site, {
      type: 'TokensUsed',
      agent: site.agent,
      iteration: site.iteration,
      provider: call.provider,
      model: call.model,
      inputTokens: call.inputTokens,
      outputTokens: call.outputTokens,
      costUsd,
      rehearsal: call.rehearsal,
    })
  })

/** Settles a call that was not answered. @param unknownOutcome whether it may have been bought all the same */
export const storeFailure = (
  lease: HeldLease,
  callId: string,
  error: unknown,
  unknownOutcome: boolean,
): Promise<void> =>
  lease.transact(async (tx) => {
    const call = await tx.em.findOneOrFail(ModelCall, { id: callId })
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, unknownOutcome ? reserved : { costUsd: 0, tokens: 0 })
    call.status = unknownOutcome ? 'LOST' : 'FAILED'
    call.failure = safeText(error instanceof Error ? error.message : String(error))
    call.finishedAt = tx.now
  })

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
 * Reserved and recorded before it is sent, settled when its outcome is known.
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
  const call: PlacedCall = { site, provider, sequence, request, requestHash }
  const stored = await replay(services, lease, call)
  if (stored) {
    if (stored.text !== '') site.onText?.(stored.text)
    return stored
  }
  lease.signal.throwIfAborted()
  const worst = worstCase(services, request)
  let callId = await record(lease, call, worst)
  // An attempt that broke off is settled as lost, and the next one is a call of its own.
  const onLostAttempt = async () => {
    callId = await record(lease, call, worst)
  }
  let answer: ModelAnswer
  try {
    const { onText } = site
    answer = safeJson(
      await provider.complete({ ...request, signal: lease.signal, onLostAttempt, ...(onText && { onText }) }),
    )
  } catch (error) {
    // Without the lease the call stays SENT; whoever takes the step up settles it.
    if (!lease.signal.aborted) await storeFailure(lease, callId, error, !boughtNothing(error))
    throw error
  }
  await storeAnswer(services, lease, site, callId, { usage: answer.usage, answer })
  return answer
}
