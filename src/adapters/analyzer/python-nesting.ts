import { behindLineEnd } from './python-indentation.ts'
import type { TokenList } from './python-token-list.ts'
import { FAULT, FIELD_CLOSE, FIELD_OPEN, TEMPLATE_END, TEMPLATE_START, TEMPLATE_TEXT } from './python-tokens.ts'

const LF = 10
const CR = 13
const BACKSLASH = 92
const OPEN = 123
const CLOSE = 125
const UPPER_N = 78

interface Template {
  readonly quote: number
  readonly isTriple: boolean
  readonly isRaw: boolean
  /** How many fields were open around it. */
  readonly fieldsAround: number
}

interface Field {
  /** Brackets that were open around the field. */
  readonly depthAround: number
  /** True for a field inside the format of another. */
  readonly isInFormat: boolean
}

/** The brackets, format strings and template strings that are open, and the fields in them. */
export class Nesting {
  /** Open brackets of the line, or of the innermost field. */
  depth = 0
  readonly #list: TokenList
  readonly #templates: Template[] = []
  readonly #fields: Field[] = []

  constructor(list: TokenList) {
    this.#list = list
  }

  get isInField(): boolean {
    return this.#fields.length > 0
  }

  get isOpen(): boolean {
    return this.depth > 0 || this.#templates.length > 0
  }

  /** True where a `}`, `:` or `!` belongs to the field and not to an expression in it. */
  get isAtFieldEnd(): boolean {
    return this.depth === 0 && this.#fields.length > 0
  }

  abandon(): void {
    this.depth = 0
    this.#templates.length = 0
    this.#fields.length = 0
  }

  /** Begins a template; returns where code begins again: in its first field, or behind it. */
  openTemplate(start: number, quoteAt: number): number {
    const { characters, text } = this.#list
    const quote = characters[quoteAt] as number
    const isTriple = characters[quoteAt + 1] === quote && characters[quoteAt + 2] === quote
    const isRaw = /r/i.test(text.slice(start, quoteAt))
    const end = quoteAt + (isTriple ? 3 : 1)
    this.#list.push(TEMPLATE_START, start, end)
    this.#templates.push({ quote, isTriple, isRaw, fieldsAround: this.#fields.length })
    return this.#readText(end, false)
  }

  /** Ends the field whose `}` stands at an offset; returns where code begins again. */
  closeField(at: number): number {
    return this.#readText(at + 1, this.#leaveField(at))
  }

  /** Reads the format of a field, which begins at an offset; returns where code begins again. */
  readFormat(at: number): number {
    return this.#readText(at, true)
  }

  #readText(start: number, beginsInFormat: boolean): number {
    const list = this.#list
    const { characters, text } = list
    const size = text.length
    const template = this.#templates.at(-1)
    if (template === undefined) return start
    const { quote, isTriple, isRaw } = template
    let isFormat = beginsInFormat
    let from = start
    let at = start
    for (;;) {
      const character = characters[at] as number
      if (character === quote && (!isTriple || (characters[at + 1] === quote && characters[at + 2] === quote))) {
        if (at > from) list.push(TEMPLATE_TEXT, from, at)
        const end = at + (isTriple ? 3 : 1)
        if (isFormat) list.push(FAULT, at, at)
        list.push(TEMPLATE_END, at, end)
        this.#leaveTemplate()
        return end
      }
      if (character === BACKSLASH) {
        const next = characters[at + 1]
        if (next === OPEN || next === CLOSE) at += 1
        else if (!isRaw && next === UPPER_N && characters[at + 2] === OPEN) at = this.#behindName(at + 3)
        else at = Math.max(at + 2, behindLineEnd(characters, at + 1))
      } else if (character === OPEN) {
        if (!isFormat && characters[at + 1] === OPEN) at += 2
        else {
          if (at > from) list.push(TEMPLATE_TEXT, from, at)
          list.push(FIELD_OPEN, at, at + 1)
          this.#fields.push({ depthAround: this.depth, isInFormat: isFormat })
          this.depth = 0
          return at + 1
        }
      } else if (character === CLOSE) {
        if (isFormat) {
          if (at > from) list.push(TEMPLATE_TEXT, from, at)
          isFormat = this.#leaveField(at)
          at += 1
          from = at
        } else if (characters[at + 1] === CLOSE) at += 2
        else {
          if (at > from) list.push(TEMPLATE_TEXT, from, at)
          list.push(FAULT, at, at + 1)
          at += 1
          from = at
        }
      } else if (at >= size || (!isTriple && (character === LF || character === CR))) {
        const stop = Math.min(at, size)
        list.push(FAULT, from, stop)
        list.push(TEMPLATE_END, stop, stop)
        this.#leaveTemplate()
        return stop
      } else at += 1
    }
  }

  /** Behind the name of a character, which holds no code: `\N{BULLET}`. */
  #behindName(at: number): number {
    const { characters } = this.#list
    let end = at
    for (;;) {
      const character = characters[end] as number
      if (character === CLOSE) return end + 1
      if (character === 0 || character === LF || character === CR || character === 34 || character === 39) return end
      end += 1
    }
  }

  /** Returns true when what follows belongs to the format of the field around. */
  #leaveField(at: number): boolean {
    this.#list.push(FIELD_CLOSE, at, at + 1)
    const field = this.#fields.pop()
    this.depth = field?.depthAround ?? 0
    return field?.isInFormat === true
  }

  #leaveTemplate(): void {
    const around = this.#templates.pop()?.fieldsAround ?? 0
    const first = this.#fields[around]
    if (first !== undefined) this.depth = first.depthAround
    this.#fields.length = around
  }
}
