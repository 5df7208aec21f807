import type { ConversationMessage } from '../ports/model-provider.ts'

/** What begins a conversation whose oldest parts are gone. Always the same words, so that a provider's cache holds. */
export const forgottenNote =
  '[The oldest parts of this conversation were left out, since it had grown near the limit of the model.]'

const isAsked = ({ role }: ConversationMessage): boolean => role === 'user'

/** Where the next part begins that can go without the one before it: a question, or a step with its tools' results. */
const partAfter = (messages: readonly ConversationMessage[], at: number): number => {
  const next = messages.findIndex(({ role }, index) => index > at && role !== 'tool')
  return next === -1 ? messages.length : next
}

/**
 * Takes the oldest parts out of a conversation until so much is gone: first what was asked and answered before the last
 * question, then the oldest steps since then. The last question and the newest step stay, whatever their size; no
 * result of a tool is left without the step that asked for it.
 * @param excess in the measure of `sizeOf`
 */
export const forgetTurns = (
  messages: readonly ConversationMessage[],
  excess: number,
  sizeOf: (message: ConversationMessage) => number,
): readonly ConversationMessage[] => {
  const lastAsked = messages.findLastIndex(isAsked)
  const newest = messages.findLastIndex(({ role }) => role === 'assistant')
  const asked = messages[lastAsked]
  if (asked?.role !== 'user') return messages
  let gone = 0
  const goOver = (from: number, end: number): number => {
    let at = from
    while (at < end && gone < excess) {
      const next = partAfter(messages, at)
      for (const message of messages.slice(at, next)) gone += sizeOf(message)
      at = next
    }
    return at
  }
  let first = goOver(0, lastAsked)
  // An answer without its question would be the first thing said.
  while (first < lastAsked && !isAsked(messages[first] ?? asked)) first = partAfter(messages, first)
  const step = first < lastAsked ? lastAsked + 1 : goOver(lastAsked + 1, newest)
  if (first === 0 && step === lastAsked + 1) return messages
  const kept = first < lastAsked ? messages.slice(first) : [asked, ...messages.slice(step)]
  const [head = asked, ...rest] = kept
  if (head.role !== 'user' || head.text.startsWith(forgottenNote)) return kept
  return [{ ...head, text: `${forgottenNote}\n\n${head.text}` }, ...rest]
}
