/** Where an offset lies; both count from 1, the column in characters. */
interface Position {
  readonly line: number
  readonly column: number
}

export interface SourceText {
  readonly text: string
  position(offset: number): Position
  /** The line at an offset, trimmed, without control characters and at most 200 characters long. */
  snippet(offset: number): string
}

const snippetLength = 200

/** Lines of a source as Python counts them: LF, CR LF and CR each end one. */
export function sourceText(text: string): SourceText {
  let starts: number[] | undefined
  const lineOf = (offset: number): { line: number; start: number } => {
    starts ??= lineStarts(text)
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, start: starts[low] ?? 0 }
  }
  return {
    text,
    position(offset) {
      const { line, start } = lineOf(offset)
      return { line, column: characters(text.slice(start, offset)) + 1 }
    },
    snippet(offset) {
      const { line, start } = lineOf(offset)
      const end = starts?.[line] ?? text.length
      const visible = text.slice(start, Math.min(end, start + 100_000)).replace(/\p{Cc}|\p{Cf}/gu, ' ')
      return [...visible.trim().slice(0, 2 * snippetLength)].slice(0, snippetLength).join('')
    },
  }
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (const end of text.matchAll(/\r\n|\r|\n/g)) starts.push(end.index + end[0].length)
  return starts
}

function characters(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
