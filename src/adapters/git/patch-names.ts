/** Names as git writes them into patches: plain, or quoted like a C string when they hold special bytes. */

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  '"': '"',
  '\\': '\\',
}

interface QuotedName {
  /** A byte string. */
  readonly name: string
  /** What follows the closing quote. */
  readonly rest: string
}

/** Reads a quoted name from the start of a byte string; null when it is not well formed. */
function readQuotedName(text: string): QuotedName | null {
  if (!text.startsWith('"')) return null
  let name = ''
  for (let at = 1; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') return { name, rest: text.slice(at + 1) }
    if (character !== '\\') {
      name += character
      continue
    }
    const octal = text.slice(at + 1, at + 4)
    const escaped = escapes[text.charAt(at + 1)]
    if (escaped !== undefined) {
      name += escaped
      at += 1
    } else if (/^[0-3][0-7]{2}$/.test(octal)) {
      name += String.fromCharCode(Number.parseInt(octal, 8))
      at += 3
    } else return null
  }
  return null
}

/** The name of a `---`, `+++`, `rename` or `copy` line; null when it is not well formed. */
export function readLineName(text: string, endsAtTab: boolean): string | null {
  if (text.startsWith('"')) {
    const quoted = readQuotedName(text)
    return quoted && (quoted.rest === '' || (endsAtTab && quoted.rest.startsWith('\t'))) ? quoted.name : null
  }
  const tab = endsAtTab ? text.indexOf('\t') : -1
  return tab < 0 ? text : text.slice(0, tab)
}

/** Whether a line of names ends with the beginning of 1970, in any zone: so `diff -N` says that there is no file. */
export function isEpochStamped(text: string): boolean {
  const stamp = text.slice(text.lastIndexOf('\t') + 1)
  const [, date, hours, minutes, sign, zoneHours, zoneMinutes] =
    stamp.match(/^(1970-01-01|1969-12-31) ([0-2]\d):([0-5]\d):00(?:\.0+)? ([-+])([0-2]\d):?([0-5]\d)$/) ?? []
  if (date === undefined) return false
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1)
  return Number(hours) * 60 + Number(minutes) - zone === (date === '1970-01-01' ? 0 : 24 * 60)
}

/** Whether the rest of a `diff --git` line says these two names, each quoted or not. */
export function saysNames(rest: string, oldName: string, newName: string): boolean {
  const afterOld = afterName(rest, oldName)
  return afterOld?.startsWith(' ') === true && afterName(afterOld.slice(1), newName) === ''
}

function afterName(text: string, name: string): string | null {
  if (!text.startsWith('"')) return text.startsWith(name) ? text.slice(name.length) : null
  const quoted = readQuotedName(text)
  return quoted?.name === name ? quoted.rest : null
}

/** The two names of a `diff --git` line that names one file twice, after prefixes of this length; null when it does not. */
export function readTwinNames(rest: string, prefixLength: number): [oldName: string, newName: string] | null {
  let names: [string, string] | null = null
  if (rest.startsWith('"')) {
    const first = readQuotedName(rest)
    const second = first?.rest.startsWith(' ') ? readLineName(first.rest.slice(1), false) : null
    if (first && second !== null) names = [first.name, second]
  } else {
    const middle = (rest.length - 1) / 2
    if (Number.isInteger(middle) && rest.charAt(middle) === ' ') names = [rest.slice(0, middle), rest.slice(middle + 1)]
  }
  return names && names[0].slice(prefixLength) === names[1].slice(prefixLength) ? names : null
}
