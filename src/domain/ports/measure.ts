/**
 * The port to what is counted and timed while a process works. Whoever reads the figures sees sums over everything, so
 * nothing in them says whose work it was: names are of closed sets, never ids, paths or anybody's words.
 */

import type { Provider, TokenCount } from './model-provider.ts'
import type { SandboxDriver } from './sandbox.ts'

/** DONE; FAILED: tried again by the queue; LEFT: another worker does it. */
export type JobOutcome = 'DONE' | 'FAILED' | 'LEFT'

/** Of a command: it exited with 0 or not, met a limit, was not wanted any more, or could not be run at all. */
export type SandboxOutcome = 'PASSED' | 'FAILED' | 'TIMED_OUT' | 'OUT_OF_MEMORY' | 'CANCELED' | 'ERRORED'

/** The model may be any name that somebody gave; the figures know those that have a price, and call the others so. */
export interface MeasuredModel {
  readonly provider: Provider
  readonly model: string
}

export interface MeasuredOperation {
  readonly type: 'query' | 'mutation' | 'subscription'
  /** The field of the schema that was asked for; of several the word `several`. */
  readonly field: string
}

export interface Measure {
  jobEnded(job: { readonly name: string; readonly outcome: JobOutcome; readonly ms: number }): void
  /** One attempt at a call. @param attempt.fault null when it was answered */
  attemptEnded(attempt: MeasuredModel & { readonly fault: string | null; readonly ms: number }): void
  /** A call is made again after a fault. */
  attemptRepeated(attempt: MeasuredModel & { readonly fault: string }): void
  /** A call was not sent, since its provider is taken for dead. */
  callHeldBack(call: MeasuredModel): void
  /** @param answer.costUsd null when the model has no price */
  answerBought(answer: MeasuredModel & { readonly usage: TokenCount; readonly costUsd: number | null }): void
  commandEnded(run: { readonly driver: SandboxDriver; readonly outcome: SandboxOutcome; readonly ms: number }): void
  /** A person gave a verdict. @param review.waitedMs since the diff was made */
  diffReviewed(review: { readonly verdict: 'APPROVE' | 'REJECT'; readonly waitedMs: number }): void
  /** A commit came to its end. @param outcome COMMITTED, or the code of what refused it */
  commitEnded(outcome: string): void
  /** @param codes of the errors in its answer */
  operationEnded(operation: MeasuredOperation & { readonly ms: number; readonly codes: readonly string[] }): void
  /** Something was refused before it was an operation: a document, a request, or a connection, by the code told. */
  refused(code: string): void
  /** @returns what to call at its end */
  subscriptionOpened(): () => void
  /** @returns what to call at its end */
  socketOpened(): () => void
}

const nothing = (): void => {}

/** Where nobody reads figures, none are kept. */
export const unmeasured: Measure = {
  jobEnded: nothing,
  attemptEnded: nothing,
  attemptRepeated: nothing,
  callHeldBack: nothing,
  answerBought: nothing,
  commandEnded: nothing,
  diffReviewed: nothing,
  commitEnded: nothing,
  operationEnded: nothing,
  refused: nothing,
  subscriptionOpened: () => nothing,
  socketOpened: () => nothing,
}
