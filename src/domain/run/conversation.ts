import type { ConversationMessage, ToolOutcome, ToolUse } from '../ports/model-provider.ts'
import { cut } from '../shared/safe-text.ts'

const maxBytes = 1_000_000
const keptCharacters = 500

const sizeOf = (messages: readonly ConversationMessage[]): number => Buffer.byteLength(JSON.stringify(messages))

const neutral = (message: ConversationMessage): ConversationMessage =>
  message.role === 'assistant' ? { role: 'assistant', text: message.text, toolUses: message.toolUses } : message

// Whole, since a part of a fenced text would have lost the end of its fence.
const withoutResult = (outcome: ToolOutcome): ToolOutcome =>
  outcome.text.length <= keptCharacters
    ? outcome
    : { ...outcome, text: `[a result of ${outcome.text.length} characters was left out]` }

const withoutArguments = (use: ToolUse): ToolUse =>
  use.argumentsText.length <= keptCharacters
    ? use
    : { ...use, argumentsText: JSON.stringify({ left_out: `${use.argumentsText.length} characters` }) }

/** What is given up when a conversation is too long, one kind after the other, in the oldest messages first. */
const reductions: readonly ((message: ConversationMessage) => ConversationMessage)[] = [
  (message) => (message.role === 'tool' ? { ...message, outcomes: message.outcomes.map(withoutResult) } : message),
  (message) =>
    message.role === 'assistant' ? { ...message, toolUses: message.toolUses.map(withoutArguments) } : message,
  (message) => (message.role === 'tool' ? message : { ...message, text: cut(message.text, keptCharacters) }),
]

/**
 * A conversation as a checkpoint keeps it: in words that every provider takes, and at most a megabyte. Of a longer one
 * the oldest tool results are cut first, then what tools were given, then what was said.
 */
export const keepConversation = (messages: readonly ConversationMessage[]): readonly ConversationMessage[] => {
  const kept = messages.map(neutral)
  let size = sizeOf(kept)
  for (const reduce of reductions) {
    for (const [index, message] of kept.entries()) {
      if (size <= maxBytes) return kept
      const reduced = reduce(message)
      size += sizeOf([reduced]) - sizeOf([message])
      kept[index] = reduced
    }
  }
  return kept
}
