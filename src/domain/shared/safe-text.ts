/** Text from outside as PostgreSQL can store it: no NUL, no lone surrogates. */
export const safeText = (text: string): string => text.replaceAll('\u0000', '\ufffd').toWellFormed()

/** The same for every string inside a JSON value. */
export const safeJson = <Value>(value: Value): Value =>
  JSON.parse(JSON.stringify(value), (_, member: unknown) =>
    typeof member === 'string' ? safeText(member) : member,
  ) as Value

/** At most so many characters, with a mark where text was left out. */
export const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max)}\n[${text.length - max} characters left out]`
