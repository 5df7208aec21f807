// Letters, hyphens and colons of other scripts that are drawn like those of our trailers' names.
const lookAlikes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    b: 'ЬьƄ',
    c: 'сϲⅽ',
    d: 'ԁժ',
    e: 'еєҽ',
    g: 'ɡց',
    i: 'іιıɩӏ',
    n: 'ոռη',
    o: 'оοօ',
    r: 'гᴦʀ',
    s: 'ѕꜱ',
    t: 'тτᴛ',
    u: 'υսᴜ',
    v: 'νѵᴠ',
    w: 'ԝᴡ',
    y: 'уүγỿ',
    '-': '‐‑‒–—―−⁃',
    ':': 'ː։׃∶꞉⁚᛬፡',
  }).flatMap(([ours, others]) => [...others].map((other) => [other, ours])),
)

/** A line as somebody reads it who is not strict: wide letters are letters, and what cannot be seen is not there. */
const asRead = (line: string): string =>
  [
    ...line
      .toLowerCase()
      .normalize('NFKD')
      .replaceAll(/[\p{M}\p{Cf}\p{DI}]/gu, ''),
  ]
    .map((character) => lookAlikes[character] ?? character)
    .join('')

/** Trailers that only the server writes: in a message they could forge a review. */
const ownTrailer = /^\s*(countersign-?[a-z-]*|reviewed-?by)\s*:/

/** Behind such a line git looks for no trailers: what the server appends would not be found. */
const endOfMessage = /^(---(\s|$)|.? ?-+ ?>8 ?-+)/

/** Whether a line is, or to a person looks like, one that only the server writes, or hides those that it writes. */
export const isReserved = (line: string): boolean => ownTrailer.test(asRead(line)) || endOfMessage.test(line)

/** The lines of a text, whatever ends them. */
export const linesOf = (text: string): readonly string[] => text.split(/\r\n|[\n\r\u0085\u2028\u2029]/)
