import { keywordCount, reservedNames } from './python-tokens.ts'

/** Differs from process to process, so that no source can be made whose names all fall on one place of the table. */
const seed = Math.floor(Math.random() * 0x7fffffff)
const smallest = 1024

export const emptyHash = seed

/** The hash of a name from that of all but its last character. */
export function extendHash(hash: number, character: number): number {
  const mixed = Math.imul(hash ^ character, 0x01000193)
  return mixed ^ (mixed >>> 15)
}

function hashOf(text: string): number {
  let hash = emptyHash
  for (let index = 0; index < text.length; index += 1) hash = extendHash(hash, text.charCodeAt(index))
  return hash
}

const reservedHashes = reservedNames.map(hashOf)
const reservedSlots = (() => {
  const slots = new Int32Array(smallest)
  for (const [id, hash] of reservedHashes.entries()) {
    let slot = hash & (smallest - 1)
    while (slots[slot] !== 0) slot = (slot + 1) & (smallest - 1)
    slots[slot] = id + 1
  }
  return slots
})()

/** The distinct names of one source, numbered as they come; no text is copied until somebody asks for it. */
export class TokenNames {
  readonly #text: string
  readonly #characters: Uint16Array
  #slots = reservedSlots.slice()
  readonly #hashes: number[] = reservedHashes.slice()
  readonly #starts: number[] = reservedNames.map(() => -1)
  readonly #lengths: number[] = reservedNames.map((name) => name.length)
  readonly #written: (string | undefined)[] = reservedNames.slice()
  /** Reserved names that stand in the source. */
  readonly #seen = new Set<number>()
  #numbers: Map<string, number[]> | null = null
  readonly #read: (string | undefined)[] = reservedNames.slice()

  constructor(text: string, characters: Uint16Array) {
    this.#text = text
    this.#characters = characters
  }

  /** How many there are, the reserved ones included. */
  get count(): number {
    return this.#hashes.length
  }

  /** The number of the name that stands at an offset. */
  intern(hash: number, start: number, length: number): number {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const id = (this.#slots[slot] as number) - 1
      if (id < 0) break
      if (this.#hashes[id] === hash && this.#lengths[id] === length && this.#isSame(id, start, length)) {
        if (id < reservedNames.length) this.#seen.add(id)
        return id
      }
      slot = (slot + 1) & mask
    }
    const fresh = this.#hashes.length
    this.#hashes.push(hash)
    this.#starts.push(start)
    this.#lengths.push(length)
    this.#slots[slot] = fresh + 1
    if (fresh * 2 > mask) this.#grow()
    return fresh
  }

  /** A name as it is written. */
  written(id: number): string {
    let text = this.#written[id]
    if (text === undefined) {
      const start = this.#starts[id] as number
      text = this.#text.slice(start, start + (this.#lengths[id] as number))
      this.#written[id] = text
    }
    return text
  }

  /** A name as Python reads it: under NFKC. */
  read(id: number): string {
    let text = this.#read[id]
    if (text === undefined) {
      text = this.written(id)
      if (!this.#isAscii(id)) text = text.normalize('NFKC')
      this.#read[id] = text
    }
    return text
  }

  /** Every name of the source that is no keyword, as Python reads it. */
  get distinct(): ReadonlyMap<string, readonly number[]> {
    if (this.#numbers === null) {
      this.#numbers = new Map()
      for (let id = keywordCount; id < this.count; id += 1) {
        if (id < reservedNames.length && !this.#seen.has(id)) continue
        const name = this.read(id)
        const numbers = this.#numbers.get(name)
        if (numbers === undefined) this.#numbers.set(name, [id])
        else numbers.push(id)
      }
    }
    return this.#numbers
  }

  /** Names that are written otherwise than Python reads them, as they are written. */
  get changed(): readonly string[] {
    const changed: string[] = []
    for (let id = keywordCount; id < this.count; id += 1)
      if (this.read(id) !== this.written(id)) changed.push(this.written(id))
    return changed
  }

  /** The numbers of all spellings that Python reads as this name. */
  numbersOf(name: string): readonly number[] {
    return this.distinct.get(name) ?? this.distinct.get(name.normalize('NFKC')) ?? []
  }

  #isAscii(id: number): boolean {
    const start = this.#starts[id] as number
    const end = start + (this.#lengths[id] as number)
    for (let index = start; index < end; index += 1) if ((this.#characters[index] as number) > 127) return false
    return true
  }

  #isSame(id: number, start: number, length: number): boolean {
    const other = this.#starts[id] as number
    const characters = this.#characters
    if (other < 0) {
      const text = reservedNames[id] as string
      for (let index = 0; index < length; index += 1) {
        if (characters[start + index] !== text.charCodeAt(index)) return false
      }
      return true
    }
    for (let index = 0; index < length; index += 1) {
      if (characters[start + index] !== characters[other + index]) return false
    }
    return true
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (const [id, hash] of this.#hashes.entries()) {
      let slot = hash & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = id + 1
    }
    this.#slots = slots
  }
}
