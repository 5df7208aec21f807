/** Text from outside as PostgreSQL can store it: no NUL, no lone surrogates. */
export const safeText = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed()

const storable = (value: unknown): unknown => {
  if (typeof value === 'string') return safeText(value)
  if (Array.isArray(value)) return value.map(storable)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [safeText(name), storable(member)]))
}

/** A JSON value as PostgreSQL can store it: the same for its strings and for the names of its members. */
export const safeJson = <Value>(value: Value): Value => storable(JSON.parse(JSON.stringify(value))) as Value

/** At most so many characters, with a mark where text was left out. */
export const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}\n[${text.length - max} characters left out]`
