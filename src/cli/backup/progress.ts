import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'

const everyMs = 1_000

/** What is being done, on stderr. Of what comes faster than it can be read only some is shown. */
export const createProgress = ({ quiet, warn }: Output): ((words: string) => void) => {
  let kind = ''
  let shownAt = Number.NEGATIVE_INFINITY
  return (words) => {
    const ofKind = words.replace(/[\d,]+/g, '')
    const now = performance.now()
    if (quiet || (ofKind === kind && now - shownAt < everyMs)) return
    kind = ofKind
    shownAt = now
    warn(visibleLine(words))
  }
}
