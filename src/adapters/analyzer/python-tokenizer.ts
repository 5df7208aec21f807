import { behindLineEnd, IndentationLevels, skipComment } from './python-indentation.ts'
import { Nesting } from './python-nesting.ts'
import { TokenList } from './python-token-list.ts'
import { emptyHash, extendHash } from './python-token-names.ts'
import {
  assignmentOf,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  DOT,
  doubleOperators,
  ELLIPSIS,
  END,
  FAULT,
  FLOAT,
  firstKeyword,
  INTEGER,
  keywordCount,
  kindSet,
  NAME,
  NEWLINE,
  PAREN_CLOSE,
  PAREN_OPEN,
  STRING,
  singleOperators,
} from './python-tokens.ts'

/**
 * Splits a source into Python's tokens, in one pass. What is no token becomes one of kind FAULT, and the rest goes
 * on: at the end of the line, or, where a bracket was never closed, at the next line that begins a statement.
 */
export function tokenize(text: string): TokenList {
  return new Tokenizer(text).run()
}

const SPACE = 1
const LINE_END = 2
const WORD = 3
const DIGIT = 4
const QUOTE = 5
const COMMENT = 6
const CONTINUATION = 7
const NUL = 8

const LF = 10
const CR = 13
const DOUBLE_QUOTE = 34
const SINGLE_QUOTE = 39
const PERIOD = 46
const EQUALS = 61
const BACKSLASH = 92

const classes = (() => {
  const table = new Uint8Array(128)
  const put = (characters: string, kind: number) => {
    for (let index = 0; index < characters.length; index += 1) table[characters.charCodeAt(index)] = kind
  }
  put(' \t\f', SPACE)
  put('\n\r', LINE_END)
  put('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', WORD)
  put('0123456789', DIGIT)
  put('"\'', QUOTE)
  put('#', COMMENT)
  put('\\', CONTINUATION)
  put('\0', NUL)
  return table
})()

/** Keywords that begin a statement, and are found inside no bracket. */
const statementOnly = kindSet([
  ...(['assert', 'break', 'class', 'continue', 'def', 'del', 'elif', 'except', 'finally', 'global'] as const),
  ...(['import', 'nonlocal', 'pass', 'raise', 'return', 'try', 'while', 'with'] as const),
])

const stringPrefix = /^(?:r|u|b|br|rb|ur)$/i
const templatePrefix = /^(?:[ft]|[ft]r|r[ft])$/i
/** Also with leading zeros and the `L` of Python 2. */
const numberPattern =
  /(?:0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)[lL]?|(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?[jJlL]?/y
const floatPattern = /^(?!0[xX]).*[.eEjJ]/
const identifierPattern = /^[\p{XIDS}_][\p{XIDC}]*$/u

class Tokenizer {
  readonly #list: TokenList
  readonly #characters: Uint16Array
  readonly #size: number
  readonly #levels: IndentationLevels
  readonly #nesting: Nesting

  constructor(text: string) {
    this.#list = new TokenList(text)
    this.#characters = this.#list.characters
    this.#size = text.length
    this.#levels = new IndentationLevels(this.#list)
    this.#nesting = new Nesting(this.#list)
  }

  run(): TokenList {
    const characters = this.#characters
    let at = this.#levels.beginLine(characters[0] === 0xfeff ? 1 : 0)
    while (at < this.#size) {
      const character = characters[at] as number
      switch (character < 128 ? (classes[character] as number) : WORD) {
        case SPACE:
          at += 1
          break
        case WORD:
          at = this.#word(at)
          break
        case LINE_END:
          at = this.#lineEnd(at)
          break
        case DIGIT:
          at = this.#number(at)
          break
        case QUOTE:
          at = this.#string(at, at)
          break
        case COMMENT:
          at = skipComment(characters, at, this.#size)
          break
        case CONTINUATION:
          at = this.#continuation(at)
          break
        case NUL:
          this.#list.push(FAULT, at, at + 1)
          at += 1
          break
        default:
          at = this.#operator(at)
      }
    }
    const list = this.#list
    if (this.#nesting.isOpen) list.push(FAULT, this.#size, this.#size)
    if (list.count > 0 && !this.#levels.isLineStart()) list.push(NEWLINE, this.#size, this.#size)
    this.#levels.close(this.#size)
    list.push(END, this.#size, this.#size)
    return list
  }

  #word(start: number): number {
    const characters = this.#characters
    let hash = emptyHash
    let all = 0
    let at = start
    for (;;) {
      const character = characters[at] as number
      if (character < 128) {
        const kind = classes[character] as number
        if (kind !== WORD && kind !== DIGIT) break
      }
      all |= character
      hash = extendHash(hash, character)
      at += 1
    }
    const next = characters[at] as number
    if ((next === DOUBLE_QUOTE || next === SINGLE_QUOTE) && at - start <= 2) {
      const prefix = this.#list.text.slice(start, at)
      if (stringPrefix.test(prefix)) return this.#string(start, at)
      if (templatePrefix.test(prefix)) return this.#nesting.openTemplate(start, at)
    }
    if (all > 127 && !identifierPattern.test(this.#list.text.slice(start, at).normalize('NFKC'))) {
      this.#list.push(FAULT, start, at)
      return at
    }
    const name = this.#list.identifiers.intern(hash, start, at - start)
    const kind = name < keywordCount ? firstKeyword + name : NAME
    if (statementOnly[kind] === 1 && this.#isInBrackets() && this.#isFirstOnLine(start)) return this.#abandon(start)
    this.#list.pushName(kind, start, at, name)
    return at
  }

  #isInBrackets(): boolean {
    return this.#nesting.depth > 0 || this.#nesting.isInField
  }

  #isFirstOnLine(at: number): boolean {
    const before = this.#characters[this.#indentStart(at) - 1]
    return before === undefined || before === LF || before === CR
  }

  #indentStart(at: number): number {
    let start = at
    while (start > 0 && classes[this.#characters[start - 1] as number] === SPACE) start -= 1
    return start
  }

  /** Gives up what is open: a statement begins here. */
  #abandon(at: number): number {
    this.#list.push(FAULT, at, at)
    this.#list.push(NEWLINE, at, at)
    this.#nesting.abandon()
    return this.#levels.beginLine(this.#indentStart(at))
  }

  #lineEnd(at: number): number {
    const characters = this.#characters
    const behind = characters[at] === CR && characters[at + 1] === LF ? at + 2 : at + 1
    if (this.#isInBrackets()) return behind
    this.#list.push(NEWLINE, at, behind)
    return this.#levels.beginLine(behind)
  }

  #continuation(at: number): number {
    const behind = behindLineEnd(this.#characters, at + 1)
    if (behind > at + 1 && behind < this.#size) return behind
    this.#list.push(FAULT, at, at + 1)
    return at + 1
  }

  #number(start: number): number {
    const characters = this.#characters
    let at = start
    if (characters[at] !== PERIOD) {
      while (classes[characters[at] as number] === DIGIT && (characters[at] as number) < 128) at += 1
      const next = characters[at] as number
      const isPlain = next < 128 && classes[next] !== WORD && next !== PERIOD
      if (isPlain) {
        this.#list.push(INTEGER, start, at)
        return at
      }
    }
    numberPattern.lastIndex = start
    const written = numberPattern.exec(this.#list.text)?.[0] ?? ''
    at = start + Math.max(1, written.length)
    this.#list.push(floatPattern.test(written) ? FLOAT : INTEGER, start, at)
    return at
  }

  /** A string that holds no code; `start` is where its prefix begins, `at` its first quote. */
  #string(start: number, at: number): number {
    const characters = this.#characters
    const size = this.#size
    const quote = characters[at] as number
    const isTriple = characters[at + 1] === quote && characters[at + 2] === quote
    let end = at + (isTriple ? 3 : 1)
    for (;;) {
      const character = characters[end] as number
      if (character === quote) {
        if (!isTriple) break
        if (characters[end + 1] === quote && characters[end + 2] === quote) break
        end += 1
      } else if (character === BACKSLASH) end = Math.max(end + 2, behindLineEnd(characters, end + 1))
      else if (character <= CR && (end >= size || (!isTriple && (character === LF || character === CR)))) {
        const stop = Math.min(end, size)
        this.#list.push(FAULT, start, stop)
        return stop
      } else end += 1
    }
    end += isTriple ? 3 : 1
    this.#list.push(STRING, start, end)
    return end
  }

  #operator(at: number): number {
    const characters = this.#characters
    const list = this.#list
    const first = characters[at] as number
    const second = characters[at + 1] as number
    if (first === PERIOD) {
      if (second < 128 && classes[second] === DIGIT) return this.#number(at)
      const isEllipsis = second === PERIOD && characters[at + 2] === PERIOD
      list.push(isEllipsis ? ELLIPSIS : DOT, at, at + (isEllipsis ? 3 : 1))
      return at + (isEllipsis ? 3 : 1)
    }
    const { isAtFieldEnd } = this.#nesting
    const double = second < 128 ? (doubleOperators[first * 128 + second] as number) : 0
    if (double !== 0 && !(isAtFieldEnd && first === 58)) {
      const longer = characters[at + 2] === EQUALS ? (assignmentOf[double] as number) : 0
      const length = longer === 0 ? 2 : 3
      list.push(longer === 0 ? double : longer, at, at + length)
      return at + length
    }
    const single = singleOperators[first] as number
    if (isAtFieldEnd && single === BRACE_CLOSE) {
      return this.#nesting.closeField(at)
    }
    list.push(single === 0 ? FAULT : single, at, at + 1)
    if (single === PAREN_OPEN || single === BRACKET_OPEN || single === BRACE_OPEN) this.#nesting.depth += 1
    else if (single === PAREN_CLOSE || single === BRACKET_CLOSE || single === BRACE_CLOSE) {
      if (this.#nesting.depth > 0) this.#nesting.depth -= 1
    } else if (isAtFieldEnd && single === COLON) return this.#nesting.readFormat(at + 1)
    return at + 1
  }
}
