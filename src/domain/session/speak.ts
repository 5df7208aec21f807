import type { ModelProvider } from '../ports/model-provider.ts'
import type { TextFeed, TextPiece } from '../ports/text-feed.ts'
import { textSeparator } from './session-prompts.ts'

/** Of a message's text, what is to be shown of a piece that the model has written. */
export type ShownText = (piece: string) => string

export const everything: ShownText = (piece) => piece

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/**
 * Of a JSON object that comes in pieces, the text of one of its members, as it comes. Only for text that people read
 * along: what counts is the whole answer, parsed as JSON.
 */
export const memberText = (name: string): ShownText => {
  const start = new RegExp(`"${name}"\\s*:\\s*"`)
  let head: string | null = ''
  let pending = ''
  let ended = false
  return (piece) => {
    if (ended) return ''
    pending += piece
    if (head !== null) {
      head += piece
      const found = start.exec(head)
      if (!found) return ''
      pending = head.slice(found.index + found[0].length)
      head = null
    }
    let shown = ''
    for (;;) {
      const at = pending.search(/["\\]/)
      if (at === -1) {
        shown += pending
        pending = ''
        return shown
      }
      shown += pending.slice(0, at)
      pending = pending.slice(at)
      if (pending.startsWith('"')) {
        ended = true
        return shown
      }
      const escaped = /^\\(?:u([0-9a-fA-F]{4})|([^u]))/.exec(pending)
      if (!escaped) return shown
      const [whole, code, character = ''] = escaped
      shown += code === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16))
      pending = pending.slice(whole.length)
    }
  }
}

/**
 * A provider whose visible text is also told to those who follow the session, piece by piece. An answer that is played
 * back from the record is not told again.
 * @param said what the message's text has already from answers before
 */
export const speaking = (
  provider: ModelProvider,
  feed: TextFeed,
  message: Omit<TextPiece, 'text' | 'offset'>,
  said: string,
  shownText: () => ShownText,
): ModelProvider => {
  let whole = said
  return {
    ...provider,
    async complete(request) {
      let shown = shownText()
      const before = whole
      const answer = await provider.complete({
        ...request,
        async onLostAttempt() {
          // The next attempt writes the same text from its beginning.
          shown = shownText()
          whole = before
          await request.onLostAttempt?.()
        },
        onText(piece) {
          const next = shown(piece)
          if (next === '') return
          const text = whole === before && before !== '' ? textSeparator + next : next
          feed.write({ ...message, offset: whole.length, text })
          whole += text
        },
      })
      return answer
    },
  }
}
