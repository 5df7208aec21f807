import type { TokenList } from './python-token-list.ts'
import { DEDENT, FAULT, INDENT, NEWLINE } from './python-tokens.ts'

/** CPython's own limit. */
const deepest = 100
const LF = 10
const FORM_FEED = 12
const CR = 13
const SPACE = 32
const TAB = 9
const HASH = 35
const BACKSLASH = 92

/** Behind the comment that begins at an offset. */
export function skipComment(characters: Uint16Array, at: number, size: number): number {
  let end = at
  while (end < size && characters[end] !== LF && characters[end] !== CR) end += 1
  return end
}

/** Behind the line end that stands at an offset; the offset itself when there is none. */
export function behindLineEnd(characters: Uint16Array, at: number): number {
  if (characters[at] === LF) return at + 1
  if (characters[at] !== CR) return at
  return characters[at + 1] === LF ? at + 2 : at + 1
}

/** The columns that open blocks began at, counted as CPython does: a tab goes on to the next multiple of 8. */
export class IndentationLevels {
  readonly #list: TokenList
  readonly #columns = [0]
  /** The same with tabs counted as one column: where the two disagree, indentation depends on the width of a tab. */
  readonly #narrow = [0]

  constructor(list: TokenList) {
    this.#list = list
  }

  /** Skips lines without code, and notes how the next one with code is indented; returns where its code begins. */
  beginLine(offset: number): number {
    const { characters, text } = this.#list
    const size = text.length
    let at = offset
    for (;;) {
      let column = 0
      let narrow = 0
      let continued = 0
      for (; ; at += 1) {
        const character = characters[at]
        if (character === SPACE) {
          column += 1
          narrow += 1
        } else if (character === TAB) {
          column = (column | 7) + 1
          narrow += 1
        } else if (character === FORM_FEED) {
          column = 0
          narrow = 0
        } else if (character === BACKSLASH) {
          const behind = behindLineEnd(characters, at + 1)
          if (behind === at + 1 || behind >= size) break
          // A continued line is indented as its first part is.
          if (continued === 0) continued = column
          at = behind - 1
        } else break
      }
      if (characters[at] === HASH) at = skipComment(characters, at, size)
      const behind = behindLineEnd(characters, at)
      if (behind > at) at = behind
      else {
        if (at < size) this.#indent(at, continued === 0 ? column : continued, narrow)
        return at
      }
    }
  }

  /** True when no statement is underway. */
  isLineStart(): boolean {
    const last = this.#list.kinds[this.#list.count - 1]
    return last === NEWLINE || last === INDENT || last === DEDENT
  }

  /** Closes all blocks. */
  close(offset: number): void {
    for (let level = this.#columns.length; level > 1; level -= 1) this.#list.push(DEDENT, offset, offset)
  }

  #indent(at: number, column: number, narrow: number): void {
    const list = this.#list
    const columns = this.#columns
    const narrows = this.#narrow
    if (column > (columns.at(-1) as number) && columns.length < deepest) {
      if (narrow <= (narrows.at(-1) as number)) list.push(FAULT, at, at)
      columns.push(column)
      narrows.push(narrow)
      list.push(INDENT, at, at)
      return
    }
    while (column < (columns.at(-1) as number)) {
      columns.pop()
      narrows.pop()
      list.push(DEDENT, at, at)
    }
    if (column !== columns.at(-1) || narrow !== narrows.at(-1)) list.push(FAULT, at, at)
  }
}
