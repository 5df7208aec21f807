/** What the pages' placeholders stand for, by name: `<diff>` in an answer is `$diff` in a later request. */
export type Bound = Map<string, string>

const placeholder = /<([a-z][A-Za-z0-9]*)>/g

/** What every placeholder has to look like, by the end of its name; the others may be anything that is not empty. */
const shapes: readonly (readonly [RegExp, RegExp])[] = [
  [/^time$/, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/],
  [/[Hh]ash$/, /^[0-9a-f]{64}$/],
  [/[Cc]ommit$/, /^[0-9a-f]{40}$/],
  [/[Cc]ursor$/, /^[\w+/=.-]+$/],
]

/** Stands for another text wherever it is. */
const unbound = new Set(['time', 'number', 'text'])

const bind = (bound: Bound, name: string, value: string): boolean => {
  if (value === '' || shapes.some(([names, shape]) => names.test(name) && !shape.test(value))) return false
  if (unbound.has(name)) return true
  const before = bound.get(name)
  if (before === undefined) bound.set(name, value)
  return before === undefined || before === value
}

const matchesText = (shown: string, actual: string, bound: Bound): boolean => {
  const names = [...shown.matchAll(placeholder)].map(([, name = '']) => name)
  const open = shown.endsWith('…')
  const text = open ? shown.slice(0, -1) : shown
  const parts = text.split(/<[a-z][A-Za-z0-9]*>/).map((part) => RegExp.escape(part))
  const found = new RegExp(`^${parts.join('([^]+?)')}${open ? '[^]*' : ''}$`).exec(actual)
  return found !== null && names.every((name, index) => bind(bound, name, found[index + 1] ?? ''))
}

/**
 * Whether an answer is the one that a page shows. There `<name>` stands for a text that is not the same every time, `…`
 * at the end of a text or as the last element of a list for what is left out.
 * @param bound takes what the placeholders stood for, also when the answer is another one
 */
export const matches = (shown: unknown, actual: unknown, bound: Bound): boolean => {
  if (typeof shown === 'string') {
    if (shown === '<number>') return typeof actual === 'number'
    return typeof actual === 'string' && matchesText(shown, actual, bound)
  }
  if (typeof shown !== 'object' || shown === null) return shown === actual
  if (typeof actual !== 'object' || actual === null || Array.isArray(shown) !== Array.isArray(actual)) return false
  if (Array.isArray(shown) && Array.isArray(actual)) {
    const open = shown.at(-1) === '…'
    const listed = open ? shown.slice(0, -1) : shown
    if (open ? actual.length < listed.length : actual.length !== listed.length) return false
    return listed.every((each, index) => matches(each, actual[index], bound))
  }
  const members = Object.entries(shown)
  if (members.length !== Object.keys(actual).length) return false
  return members.every(([name, value]) => matches(value, (actual as Record<string, unknown>)[name], bound))
}
