import type { Prompt } from './prompt.ts'
import { tokensOf } from './prompt.ts'
import { argumentsText, type Turn } from './script.ts'

/** One server-sent event. */
export interface Frame {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
  /** True for a piece of text or arguments, before which a slow model would pause. */
  readonly paced?: boolean
}

/** A request as a wire format understood it, or what the real API would say against it. */
export type Reading = { readonly prompt: Prompt } | Refused

export interface Refused {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Words with the space that follows them. */
export function words(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}

/** Pieces of JSON, cut without regard to its syntax, as models do. */
export function chunks(text: string, size = 48): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  )
}

export interface CutTurn {
  readonly turn: Turn
  /** True when the output limit ended it early. */
  readonly cut: boolean
  readonly outputTokens: number
}

/** The part of a turn that fits under the request's output limit. Calls that do not fit are not made. */
export function withinLimit(turn: Turn, limit: number): CutTurn {
  const calls = (turn.toolCalls ?? []).map((call) => argumentsText(call) + call.name).join('')
  const outputTokens = tokensOf(turn.text) + tokensOf(calls)
  if (outputTokens <= limit) return { turn, cut: false, outputTokens: Math.max(outputTokens, 1) }
  return { turn: { text: turn.text.slice(0, limit * 4) }, cut: true, outputTokens: limit }
}
