import { randomBytes, randomUUID } from 'node:crypto'
import { type Amount, reserve, settle } from '../budget/reserve.ts'
import type { HeldLease } from '../lease/lease.ts'
import type { ModelAnswer, ModelProvider, ModelRequest } from '../ports/model-provider.ts'
import { ProviderError } from '../ports/model-provider.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import { safeJson, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { ModelCall } from './model-call.entity.ts'

/** On whose behalf a call is made, and where in its conversation it stands. */
export interface CallSite {
  readonly projectId: string
  readonly specId?: string | null
  readonly sprintId: string | null
  readonly runId: string
  readonly candidateId: string | null
  readonly requestedById: string
  /** Who asks, as the usage report names it: coder, judge, ... */
  readonly agent: string
  /** Names the conversation; with the sequence, the place of this call for ever. */
  readonly scope: string
  readonly iteration: number
  readonly budgetIds: readonly string[]
}

export type CallRequest = Omit<ModelRequest, 'signal' | 'onText'>

// A reservation has to be the worst case: two bytes a token is more than prose or code takes, in any script.
const bytesPerToken = 2

const worstCase = (services: Services, request: CallRequest): Amount => {
  const sent = JSON.stringify([request.system, request.messages, request.tools, request.structured ?? null])
  const inputTokens = Math.ceil(Buffer.byteLength(sent) / bytesPerToken)
  const tokens = {
    inputTokens,
    cachedInputTokens: 0,
    cacheWriteInputTokens: inputTokens,
    outputTokens: request.maxOutputTokens,
  }
  return { costUsd: services.models.costOf(request.model, tokens), tokens: inputTokens + request.maxOutputTokens }
}

/**
 * Calls that nobody waits for any more, since their process died or their work was canceled: what they cost is not
 * known, so their reservation counts as spent.
 */
export const settleLostCalls = async (
  tx: Transaction,
  which: { readonly scope: string; readonly sequence: number } | { readonly runId: { readonly $in: string[] } },
): Promise<void> => {
  for (const call of await tx.em.find(ModelCall, { ...which, status: 'SENT' })) {
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, reserved)
    call.status = 'LOST'
    call.finishedAt = tx.now
    call.failure = 'The process that made the call ended, or the work was canceled, before it was answered.'
  }
}

const record = (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  sequence: number,
  request: CallRequest,
) =>
  lease.transact(async (tx) => {
    await settleLostCalls(tx, { scope: site.scope, sequence })
    const worst = worstCase(services, request)
    await reserve(tx, site.budgetIds, worst)
    const id = randomUUID()
    tx.em.create(ModelCall, {
      id,
      projectId: site.projectId,
      sprintId: site.sprintId,
      runId: site.runId,
      candidateId: site.candidateId,
      requestedById: site.requestedById,
      agent: site.agent,
      scope: site.scope,
      sequence,
      requestHash: canonicalHash({ provider: provider.provider, request }),
      provider: provider.provider,
      model: request.model,
      rehearsal: provider.rehearsal,
      status: 'SENT',
      budgetIds: site.budgetIds,
      reservedCostUsd: worst.costUsd ?? 0,
      reservedTokens: worst.tokens,
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      traceId: randomBytes(16).toString('hex'),
      startedAt: tx.now,
    })
    return { id, worst }
  })

const storeAnswer = (services: Services, lease: HeldLease, site: CallSite, callId: string, answer: ModelAnswer) =>
  lease.transact(async (tx) => {
    const call = await tx.em.findOneOrFail(ModelCall, { id: callId })
    const costUsd = services.models.costOf(call.model, answer.usage)
    const tokens = answer.usage.inputTokens + answer.usage.outputTokens
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, { costUsd, tokens })
    call.status = 'ANSWERED'
    call.answer = answer
    call.inputTokens = answer.usage.inputTokens
    call.cachedInputTokens = answer.usage.cachedInputTokens
    call.outputTokens = answer.usage.outputTokens
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

const storeFailure = (lease: HeldLease, callId: string, error: unknown, unknownOutcome: boolean) =>
  lease.transact(async (tx) => {
    const call = await tx.em.findOneOrFail(ModelCall, { id: callId })
    const reserved = { costUsd: call.reservedCostUsd, tokens: call.reservedTokens }
    await settle(tx, call.budgetIds, reserved, unknownOutcome ? reserved : { costUsd: 0, tokens: 0 })
    call.status = unknownOutcome ? 'LOST' : 'FAILED'
    call.failure = safeText(error instanceof Error ? error.message : String(error))
    call.finishedAt = tx.now
  })

// A refusal with a status bought nothing; a stream that broke off may have.
const boughtNothing = (error: unknown): boolean => error instanceof ProviderError && error.status !== undefined

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
  request: CallRequest,
): Promise<ModelAnswer> => {
  const stored = await rows(services.em())
    .selectFrom('ModelCall')
    .select('answer')
    .where('scope', '=', site.scope)
    .where('sequence', '=', sequence)
    .where('status', '=', 'ANSWERED')
    .executeTakeFirst()
  if (stored?.answer) return stored.answer
  lease.signal.throwIfAborted()
  const call = await record(services, lease, site, provider, sequence, request)
  let answer: ModelAnswer
  try {
    answer = safeJson(await provider.complete({ ...request, signal: lease.signal }))
  } catch (error) {
    // Without the lease the call stays SENT; whoever takes the step up settles it.
    if (!lease.signal.aborted) await storeFailure(lease, call.id, error, !boughtNothing(error))
    throw error
  }
  await storeAnswer(services, lease, site, call.id, answer)
  return answer
}
