import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Amount, reserve, settle } from '../budget/reserve.ts'
import { type HeldLease, LeaseLostError } from '../lease/lease.ts'
import type { ModelAnswer, ModelProvider, Provider, TokenCount } from '../ports/model-provider.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { CallSite } from './call-site.ts'
import { recordInSlot } from './call-slots.ts'
import { ModelCall } from './model-call.entity.ts'

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
export interface PlacedCall {
  readonly site: CallSite
  readonly provider: Pick<ModelProvider, 'provider' | 'rehearsal'>
  readonly sequence: number
  readonly request: { readonly model: string }
  readonly requestHash: string
  /** The id of the trace that it is a part of; null where none is recorded. */
  readonly traceId: string | null
}

const newCall = ({ site, provider, sequence, request, requestHash, traceId }: PlacedCall) => ({
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
  traceId: site.traceId ?? traceId,
})

/** Reserves and records a call that is about to be sent. @returns its id @throws BudgetExceededError */
export const recordCall = async (
  tx: Transaction,
  { resource, fence }: HeldLease,
  call: PlacedCall,
  worst: Amount,
): Promise<string> => {
  await reserve(tx, call.site.budgetIds, worst)
  const row = {
    ...newCall(call),
    status: 'SENT' as const,
    lease: resource,
    fence,
    reservedCostUsd: worst.costUsd ?? 0,
    reservedTokens: worst.tokens,
    startedAt: tx.now,
  }
  tx.em.create(ModelCall, row)
  return row.id
}

/** The same for a call that may have been sent before, by a process that ended: that one counts as spent. */
const recordAgain = async (tx: Transaction, lease: HeldLease, call: PlacedCall, worst: Amount): Promise<string> => {
  await settleLostCalls(tx, { scope: call.site.scope, sequence: call.sequence })
  return recordCall(tx, lease, call, worst)
}

/** Reserves and records a call as soon as there is a slot for it. @returns its id @throws BudgetExceededError */
export const recordFirst = (services: Services, lease: HeldLease, call: PlacedCall, worst: Amount): Promise<string> => {
  const { projectId, scope } = call.site
  const wanted = { provider: call.provider.provider, projectId, place: { scope, sequence: call.sequence } }
  return recordInSlot(services, lease, wanted, (tx) => recordAgain(tx, lease, call, worst))
}

/** The same for the next attempt at it, in the slot of the one that broke off. */
export const recordNext = (lease: HeldLease, call: PlacedCall, worst: Amount): Promise<string> =>
  lease.transact((tx) => recordAgain(tx, lease, call, worst))

/** Records a call that nobody made: its answer was bought before. */
export const recordReplay = (lease: HeldLease, call: PlacedCall, replayedFromId: string) =>
  lease.transact(async (tx) => {
    tx.em.create(ModelCall, {
      ...newCall(call),
      status: 'REPLAYED',
      lease: null,
      fence: null,
      replayedFromId,
      startedAt: tx.now,
      finishedAt: tx.now,
    })
  })

interface BoughtAnswer {
  readonly usage: TokenCount
  /** Null where it is not ours to keep. */
  readonly answer: ModelAnswer | null
}

const storeRetryMs = 200
const isOfStatement = (error: unknown): boolean => /^(22|23|42)/.test(String((error as { code?: unknown }).code))

/**
 * Settles a call that was answered. The answer is paid for: while the database is away it is tried again, for as long as
 * a lease lasts, since then somebody else may have the step.
 */
export const storeAnswer = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  callId: string,
  bought: BoughtAnswer,
): Promise<void> => {
  const givesUpAt = performance.now() + services.leaseMs
  for (;;) {
    try {
      const answered = await storeOnce(services, lease, site, callId, bought)
      services.measure.answerBought({ ...answered, usage: bought.usage })
      return
    } catch (error) {
      if (error instanceof LeaseLostError || isOfStatement(error) || performance.now() > givesUpAt) throw error
      lease.mustBeHeld()
      services.log.warn({ error, callId }, 'an answer could not be stored; trying again')
    }
    await delay(storeRetryMs)
  }
}

const storeOnce = (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  callId: string,
  { usage, answer }: BoughtAnswer,
): Promise<{ readonly provider: Provider; readonly model: string; readonly costUsd: number | null }> =>
  lease.transact(async (tx) => {
    const call = await tx.em.findOneOrFail(ModelCall, { id: callId })
    const { provider, model } = call
    const costUsd = services.models.costOf(model, usage)
    // Stored before, by a commit whose outcome we were not told.
    if (call.status === 'ANSWERED') return { provider, model, costUsd }
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
    return { provider, model, costUsd }
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
