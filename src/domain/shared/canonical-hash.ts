import { hash } from 'node:crypto'

/** SHA-256 of a text or bytes, in lower-case hex. */
export const sha256 = (content: string | Buffer): string => hash('sha256', content)

/** A UUID (version 8) that follows from a text. */
export const uuidOf = (text: string): string =>
  sha256(text).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5')

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, canonical(member)]),
  )
}

/** A value's JSON with the keys of every object sorted: equal values give equal texts. */
export const canonicalJson = (value: unknown): string => JSON.stringify(canonical(value))

/** SHA-256 of that text. */
export const canonicalHash = (value: unknown): string => sha256(canonicalJson(value))
