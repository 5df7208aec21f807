/** The port to traces: what was done for one request, part by part, across processes and days. */

import type { ConversationMessage, Provider, StopReason } from './model-provider.ts'

/**
 * What a part of a trace is. An operation is what somebody asked for; a step is a part of long work that a trace of its
 * own belongs to; an evaluation is an agent that judges, or the safety analysis.
 */
export type SpanKind =
  | 'operation'
  | 'job'
  | 'step'
  | 'agent'
  | 'evaluation'
  | 'model'
  | 'tool'
  | 'sandbox'
  | 'commit'
  | 'push'

/**
 * What is known of a part: ids, names, counts, words of a fixed set. Never a prompt, an answer, a file, or anything else
 * that a person or a model wrote: that is `SpanContent`. Of names that others chose (`model`, `answeringModel`, `tool`,
 * `toolUseId`, `failure`) those that do not look like one are recorded as a hash.
 */
export interface SpanFacts {
  /** What was asked for: the type of a GraphQL operation with the names of its root fields, or a tool over MCP. */
  readonly operation?: string
  readonly operationType?: string
  readonly rootFields?: readonly string[]
  /** What is done, in words: review diff. */
  readonly step?: string
  readonly job?: string
  readonly pool?: string
  readonly jobId?: string
  /** From when the job was asked for until it began, in milliseconds. */
  readonly waitedMs?: number
  readonly projectId?: string
  readonly specId?: string
  readonly sprintId?: string | null
  readonly runId?: string | null
  readonly candidateId?: string | null
  readonly sessionId?: string | null
  readonly diffId?: string
  readonly testRunId?: string
  readonly agent?: string
  readonly iteration?: number
  readonly provider?: Provider
  readonly model?: string
  readonly rehearsal?: boolean
  readonly maxOutputTokens?: number
  /** The call's row. */
  readonly callId?: string
  /** How often the call was sent. */
  readonly attempts?: number
  readonly answeringModel?: string
  readonly stop?: StopReason
  /** All input tokens, cached ones included. */
  readonly inputTokens?: number
  readonly cachedInputTokens?: number
  readonly cacheWriteInputTokens?: number
  readonly outputTokens?: number
  /** Absent where the model's price is not known. */
  readonly costUsd?: number
  readonly tool?: string
  readonly toolUseId?: string
  readonly evaluation?: string
  readonly verdict?: string
  readonly driver?: string
  readonly exitCode?: number | null
  readonly signal?: string | null
  readonly timedOut?: boolean
  readonly truncated?: boolean
  readonly commit?: string
  readonly outcome?: string
  /** A stable word for why it failed; what is thrown says it by itself. */
  readonly failure?: string
}

/** What people and models wrote, recorded only where that was asked for. */
export interface SpanContent {
  readonly system?: string
  readonly messages?: readonly ConversationMessage[]
  readonly answer?: { readonly turn: Extract<ConversationMessage, { role: 'assistant' }>; readonly stop: StopReason }
  readonly argumentsText?: string
  readonly result?: string
}

/** A part that is under way. */
export interface Span {
  /**
   * Adds what became known. It throws nothing: what cannot be recorded is left out.
   * @param facts a function where they have to be worked out: it is called only if anything is recorded
   * @param content asked for only where contents are recorded
   */
  note(facts: SpanFacts | (() => SpanFacts), content?: () => SpanContent): void
}

export interface SpanOptions {
  /**
   * A stored trace that this is a part of, whatever is under way here. Where that is another trace, the two parts name
   * each other. Null: a part of what is under way.
   */
  readonly trace?: string | null
  readonly content?: () => SpanContent
}

export interface Tracer {
  /** Whether anything is recorded at all; nobody needs to look but who would read something for it alone. */
  readonly isOn: boolean
  /**
   * Does a part of the work, once; what it throws is noted on the part, and thrown. A part that cannot be recorded is
   * done all the same.
   */
  span<Result>(
    kind: SpanKind,
    facts: SpanFacts,
    work: (span: Span) => Promise<Result>,
    options?: SpanOptions,
  ): Promise<Result>
  /** Does a part of long work in its stored trace; where that is the trace that is under way, as nothing of its own. */
  join<Result>(trace: string | null, facts: SpanFacts, work: () => Promise<Result>): Promise<Result>
  /** Where what is under way stands in its trace, to be stored: a `traceparent` of 55 characters. Null when off. */
  current(): string | null
  /** The id under which the trace that is under way can be looked up; null when nothing is recorded of it. */
  traceId(): string | null
}

/** A part of which nothing is recorded. */
export const unrecorded: Span = { note() {} }

/** Records nothing. */
export const noTracer: Tracer = {
  isOn: false,
  span: (_kind, _facts, work) => work(unrecorded),
  join: (_trace, _facts, work) => work(),
  current: () => null,
  traceId: () => null,
}
