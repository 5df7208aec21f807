import { TokenNames } from './python-token-names.ts'

/** The tokens of one source, as columns: kind, first offset, offset behind the last character, number of the name. */
export class TokenList {
  readonly text: string
  /** The text in UTF-16 units, with a 0 behind it. */
  readonly characters: Uint16Array
  readonly identifiers: TokenNames
  count = 0
  kinds: Uint8Array
  starts: Int32Array
  ends: Int32Array
  /** Filled for names only. */
  names: Int32Array

  constructor(text: string) {
    this.text = text
    this.characters = new Uint16Array(text.length + 1)
    Buffer.from(this.characters.buffer).write(text, 'utf16le')
    this.identifiers = new TokenNames(text, this.characters)
    const expected = (text.length >> 2) + 64
    this.kinds = new Uint8Array(expected)
    this.starts = new Int32Array(expected)
    this.ends = new Int32Array(expected)
    this.names = new Int32Array(expected)
  }

  push(kind: number, start: number, end: number): void {
    const index = this.count
    if (index === this.kinds.length) this.#grow()
    this.kinds[index] = kind
    this.starts[index] = start
    this.ends[index] = end
    this.count = index + 1
  }

  pushName(kind: number, start: number, end: number, name: number): void {
    this.push(kind, start, end)
    this.names[this.count - 1] = name
  }

  /** The first token that begins at the offset or behind it. */
  indexAt(offset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.starts[middle] as number) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #grow(): void {
    const size = this.kinds.length * 2
    const grown = <T extends Uint8Array | Int32Array>(larger: T, column: T): T => {
      larger.set(column)
      return larger
    }
    this.kinds = grown(new Uint8Array(size), this.kinds)
    this.starts = grown(new Int32Array(size), this.starts)
    this.ends = grown(new Int32Array(size), this.ends)
    this.names = grown(new Int32Array(size), this.names)
  }
}
