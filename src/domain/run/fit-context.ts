import type { ConversationMessage, ToolOutcome } from '../ports/model-provider.ts'
import { forgetTurns } from './forget-turns.ts'

interface Conversation {
  readonly system: string
  readonly messages: readonly ConversationMessage[]
  readonly tools: readonly unknown[]
  readonly maxOutputTokens: number
}

/** What stands in place of a result that was left out. Always the same words, so that a provider's cache holds. */
export const leftOutNote =
  '[This result was left out, since the conversation had grown near the limit of the model. Use the tool again if you still need it.]'

// Below what a tool may well answer at its densest, measured in bytes a token with o200k_base: Amharic takes 1.43, base64
// 1.46, rows of punctuation 1.47, hex 1.76, code and prose more. One byte a token would halve every conversation for the
// sake of scripts such as cuneiform (1.00); a provider refuses what is too long even so, and that is told by its name.
const bytesPerToken = 1.3

// When it is full, it is emptied to here at once: to leave out a little each turn would spoil the cache each turn.
const keptShare = 0.6

const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '')

/** What a text takes inside a request, in bytes. */
export const sizeOfText = (text: string): number => size(text) - 2

const roomIn = (inputLimit: number, maxOutputTokens: number): number =>
  Math.max(inputLimit - maxOutputTokens, inputLimit / 2) * bytesPerToken

/** The shape of an answer that is asked for, and the request around it all. In bytes. */
const framing = 4_000

/**
 * How much a single question may take, in bytes of JSON, for it to be sent as it is, whatever was said before it.
 * @param inputLimit in tokens
 */
export const roomForQuestion = (inputLimit: number, maxOutputTokens: number, system: string): number =>
  Math.max(0, Math.floor(roomIn(inputLimit, maxOutputTokens) * keptShare) - sizeOfText(system) - framing)

/** A turn goes out as its provider wrote it, or as neutral text: the longer of the two. */
const sizeOf = (message: ConversationMessage): number => {
  if (message.role !== 'assistant') return size(message) + 1
  const { native, ...neutral } = message
  return Math.max(size(native?.items ?? null), size(neutral)) + 1
}

const shorten = (outcome: ToolOutcome): ToolOutcome =>
  outcome.text.length > leftOutNote.length ? { ...outcome, text: leftOutNote } : outcome

/** The newest results, each cut to the same share when they do not fit together. */
const cutResults = (outcomes: readonly ToolOutcome[], room: number): readonly ToolOutcome[] => {
  const share = Math.max(Math.floor(room / outcomes.length), 4 * leftOutNote.length)
  return outcomes.map((outcome) => {
    if (size(outcome.text) <= share) return outcome
    // Escapes make text longer in JSON, never shorter; half leaves room for them.
    const kept = outcome.text.slice(0, Math.floor(share / 2)).toWellFormed()
    return { ...outcome, text: `${kept}\n[The rest was left out: it is more than this model takes. Ask for less.]` }
  })
}

/**
 * A conversation as it may be sent to a model that takes so many tokens: the oldest tool results are replaced by a
 * note first, and never those of the last turn, unless they alone are too much; then the oldest turns go, and a note
 * says so. The same conversation with more turns leaves out the same until it is full again. A last question that is
 * too much alone stays as it is: the provider refuses it by name.
 * @param inputLimit in tokens
 */
export const fitContext = <Fitted extends Conversation>(conversation: Fitted, inputLimit: number): Fitted => {
  const full = roomIn(inputLimit, conversation.maxOutputTokens)
  const { messages: _, ...fixed } = conversation
  let total = size({ ...fixed, messages: [] })
  const fitted: ConversationMessage[] = []
  let oldest = 0

  const leaveOut = () => {
    for (; oldest < fitted.length - 1 && total > full * keptShare; oldest++) {
      const message = fitted[oldest]
      if (message?.role !== 'tool') continue
      const shorter = { ...message, outcomes: message.outcomes.map(shorten) }
      total += sizeOf(shorter) - sizeOf(message)
      fitted[oldest] = shorter
    }
  }

  // As if it had been sent after each of its turns: so what was left out then is left out now.
  for (const message of conversation.messages) {
    fitted.push(message)
    total += sizeOf(message)
    if (total > full) leaveOut()
    if (total > full && message.role === 'tool') {
      const room = full * keptShare - (total - sizeOf(message))
      const shorter = { ...message, outcomes: cutResults(message.outcomes, room) }
      total += sizeOf(shorter) - sizeOf(message)
      fitted[fitted.length - 1] = shorter
    }
    if (total > full) {
      const kept = forgetTurns(fitted, total - full * keptShare, sizeOf)
      for (const each of fitted.splice(0, fitted.length, ...kept)) total -= sizeOf(each)
      for (const each of kept) total += sizeOf(each)
      oldest = 0
    }
  }
  return { ...conversation, messages: fitted }
}
