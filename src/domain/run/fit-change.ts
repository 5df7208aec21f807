import { sizeOfText } from './fit-context.ts'

/** A text from outside as there is room for it in a prompt. */
export interface Fitted {
  readonly text: string
  /** What is missing, in words for whoever relies on an answer about it; null when it is whole. */
  readonly leftOut: string | null
}

/** A file that could not have as much is left out, so that others can be shown. In bytes. */
const leastOfFile = 600
const roomForNote = 1_500
const roomForMark = 80
const mostNames = 10
const longestName = 100

/** As much of its beginning as there is room for, to the end of a line if that is near. */
const beginning = (text: string, room: number): string => {
  let [low, high] = [0, Math.min(text.length, Math.max(0, Math.floor(room)))]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (sizeOfText(text.slice(0, middle)) <= room) low = middle
    else high = middle - 1
  }
  const line = text.lastIndexOf('\n', low - 1) + 1
  return (line > low / 2 ? text.slice(0, line) : text.slice(0, low)).toWellFormed()
}

/** The beginning of a text, with a mark where the rest was left out. @param room in bytes of JSON */
export const fitText = (text: string, room: number): Fitted => {
  if (sizeOfText(text) <= room) return { text, leftOut: null }
  const kept = beginning(text, room - roomForMark)
  const missing = text.length - kept.length
  return { text: `${kept}\n[${missing} characters left out]`, leftOut: `${missing} of ${text.length} characters` }
}

/** How much each may have of the room: the small ones all they need, the others equal parts of the rest. */
const sharesOf = (sizes: readonly number[], room: number): readonly number[] => {
  const shares = sizes.map(() => 0)
  let left = room
  const bySize = [...sizes.keys()].sort((a, b) => (sizes[a] ?? 0) - (sizes[b] ?? 0))
  for (const [rank, index] of bySize.entries()) {
    const share = Math.min(sizes[index] ?? 0, Math.floor(left / (bySize.length - rank)))
    shares[index] = share
    left -= share
  }
  return shares
}

/** A file's part of a patch: its head and as many of its hunks as there is room for, the next one cut at a line. */
const fitFile = (file: string, room: number): string => {
  const [head = '', ...hunks] = file.split(/(?<=\n)(?=@@ )/)
  let kept = ''
  let left = room - roomForMark
  for (const part of [head, ...hunks]) {
    const size = sizeOfText(part)
    if (size > left) {
      kept += beginning(part, left)
      break
    }
    kept += part
    left -= size
  }
  const lines = file.slice(kept.length).split('\n').length
  return `${kept}${kept.endsWith('\n') ? '' : '\n'}[${lines} more lines of this file left out]\n`
}

const nameOf = (file: string): string => {
  const [line = ''] = file.split('\n', 1)
  return line.replace(/^diff --git (?:.* )?"?b\//, '').slice(0, longestName)
}

/**
 * A patch as there is room for it, by files and hunks: small files whole, of large ones the first hunks, and of very many
 * files the first. What comes before the first file is kept or cut like a file. A note at the top says what is missing.
 * @param room in bytes of JSON
 */
export const fitChange = (patch: string, room: number): Fitted => {
  if (sizeOfText(patch) <= room) return { text: patch, leftOut: null }
  const parts = patch.split(/(?<=^|\n)(?=diff --git )/)
  const files = parts.filter((part) => part.startsWith('diff --git '))
  if (files.length === 0) return fitText(patch, room)
  const left = Math.max(0, room - roomForNote)
  const shown = parts.slice(0, Math.max(1, Math.floor(left / leastOfFile)))
  const sizes = shown.map(sizeOfText)
  const shares = sharesOf(sizes, left)
  const isWhole = (index: number) => index < shown.length && (shares[index] ?? 0) >= (sizes[index] ?? 0)
  const texts = shown.map((part, index) => (isWhole(index) ? part : fitFile(part, shares[index] ?? 0)))
  const cut = parts.filter((part, index) => part.startsWith('diff --git ') && !isWhole(index))
  const missing = parts.slice(shown.length).length
  const names = cut.slice(0, mostNames).map(nameOf)
  const more = cut.length > mostNames ? ` and ${cut.length - mostNames} more` : ''
  const leftOut =
    `of ${files.length} changed files, ${files.length - cut.length} are shown whole, ${cut.length - missing} in part ` +
    `and ${missing} not at all${names.length > 0 ? `: ${names.join(', ')}${more}` : ''}`
  return { text: `[This is not the whole change: ${leftOut}]\n${texts.join('')}`, leftOut }
}
