import type { Amount } from '../budget/reserve.ts'
import { BudgetExceededError } from '../errors.ts'
import { type HeldLease, LeaseLostError } from '../lease/lease.ts'
import type { Admission, CallBook, GatewayCall, Refusal } from '../ports/model-gateway.ts'
import { worstCaseOf } from '../run/call-model.ts'
import type { CallSite } from '../run/call-site.ts'
import { recordInSlot } from '../run/call-slots.ts'
import { recordCall, settleLostCalls, storeAnswer, storeFailure } from '../run/record-call.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { ModelLimits } from './model-limits.ts'

/** The conversation, as recorded calls name it, of a test that calls models itself. */
export const testScope = (testResultId: string): string => `test:${testResultId}`

/** Settles what tests that were ended had under way: nobody makes or settles their calls any more. */
export const settleTestCalls = (tx: Transaction, testResultIds: readonly string[]): Promise<void> =>
  settleLostCalls(tx, { scope: { $in: testResultIds.map(testScope) } })

interface Used {
  readonly nextSequence: number
  readonly calls: number
  readonly tokens: number
  readonly costUsd: number
}

/** What a test has used by now. What is under way, and what nobody knows the outcome of, counts for its worst case. */
const usedBy = async (tx: Transaction, scope: string): Promise<Used> => {
  const calls = await rows(tx.em)
    .selectFrom('ModelCall')
    .select(['status', 'reservedTokens', 'reservedCostUsd', 'inputTokens', 'outputTokens', 'costUsd'])
    .where('scope', '=', scope)
    .execute()
  const sum = (of: (call: (typeof calls)[number]) => number) => calls.reduce((all, call) => all + of(call), 0)
  const isOpen = ({ status }: (typeof calls)[number]) => status === 'SENT' || status === 'LOST'
  return {
    nextSequence: calls.length,
    calls: calls.filter(({ status }) => status !== 'FAILED').length,
    tokens: sum((call) => (isOpen(call) ? Number(call.reservedTokens) : call.inputTokens + call.outputTokens)),
    costUsd: sum((call) => (isOpen(call) ? call.reservedCostUsd : (call.costUsd ?? 0))),
  }
}

const overLimit = (limits: ModelLimits, used: Used, model: string, worst: Amount): string | null => {
  if (used.calls >= limits.calls) return `A test may make ${limits.calls} calls to models, and this one has made them.`
  if (used.tokens + worst.tokens > limits.tokens) {
    return `A test may use ${limits.tokens} tokens; ${used.tokens} are used, and this call may use ${worst.tokens}.`
  }
  const { costUsd } = worst
  if (costUsd === null) {
    return `A test may use models for ${limits.costUsd} USD, and the price of ${model} is not known: whoever runs the server gives it one in the file that MODEL_PRICES names, 0 for a model that costs nothing.`
  }
  if (used.costUsd + costUsd > limits.costUsd) {
    return `A test may use models for ${limits.costUsd} USD; ${used.costUsd.toFixed(4)} are used, and this call may cost ${costUsd.toFixed(4)}.`
  }
  return null
}

const maxNotes = 5

/** What figures say of a call; the gateway does not read why a provider refused one. */
const faultOf = { ANSWERED: null, FAILED: 'refused', LOST: 'lost' } as const

/** A test's call book, and what was kept from the test meanwhile. */
export interface TestCallBook extends CallBook {
  /** Each reason once, the first few of them. */
  notes(): readonly string[]
}

/**
 * Enters the calls that a test makes through the gateway, each before it is sent: reserved under the site's budgets and
 * held against the limits of one test. What an earlier attempt at the test left under way is settled as spent.
 */
export const openCallBook = async (services: Services, lease: HeldLease, site: CallSite): Promise<TestCallBook> => {
  await lease.transact((tx) => settleLostCalls(tx, { scope: site.scope }))
  const underWay = new Map<string, { readonly call: GatewayCall; readonly begunAt: number }>()
  const notes = new Set<string>()
  const note = (message: string) => {
    if (notes.size < maxNotes) notes.add(message)
  }
  const refuse = (refusal: Refusal, message: string): Admission => {
    note(message)
    return { refusal, message }
  }
  const admit = async (call: GatewayCall): Promise<Admission> => {
    const provider = services.models.get(call.provider)
    if (!provider) return refuse('NOT_CONFIGURED', `The server has no access to ${call.provider}.`)
    const worst = worstCaseOf(services, call)
    const wanted = { provider: call.provider, projectId: site.projectId }
    const admission = await recordInSlot(services, lease, wanted, async (tx): Promise<Admission> => {
      const used = await usedBy(tx, site.scope)
      const fault = overLimit(services.modelLimits, used, call.model, worst)
      if (fault !== null) return refuse('LIMIT', fault)
      const { model, requestHash } = call
      const sequence = used.nextSequence
      const placed = { site, provider, sequence, request: { model }, requestHash, traceId: null }
      return { callId: await recordCall(tx, lease, placed, worst) }
    })
    if ('callId' in admission) underWay.set(admission.callId, { call, begunAt: performance.now() })
    return admission
  }
  return {
    note,
    notes: () => [...notes],
    async admit(call) {
      try {
        return await admit(call)
      } catch (error) {
        if (error instanceof BudgetExceededError) return refuse('BUDGET', error.message)
        if (error instanceof LeaseLostError) return { refusal: 'ENDED', message: 'The test run has ended.' }
        throw error
      }
    },
    async settle(callId, outcome) {
      const begun = underWay.get(callId)
      underWay.delete(callId)
      if (begun) {
        const fault = faultOf[outcome.status]
        services.measure.attemptEnded({ ...begun.call, fault, ms: performance.now() - begun.begunAt })
      }
      try {
        if (outcome.status === 'ANSWERED')
          await storeAnswer(services, lease, site, callId, { ...outcome, answer: null })
        else await storeFailure(lease, callId, outcome.reason, outcome.status === 'LOST')
      } catch (error) {
        // Whoever ended the test settles what it had under way.
        if (!(error instanceof LeaseLostError)) throw error
      }
    },
  }
}
