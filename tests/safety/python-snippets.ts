import { tokenize } from '../../src/adapters/analyzer/python-tokenizer.ts'

const characters = [...'()[]{}:,.=\'"\\\n\t #*@!;fr\0é']
const longest = 40

/** Statements from the top of a source, each at most 40 lines long. */
export function snippetsOf(source: string, random: (below: number) => number, most: number): string[] {
  const lines = source.split('\n')
  const tops = lines.flatMap((line, index) => (/^[\w@"([]/.test(line) ? [index] : []))
  return Array.from({ length: Math.min(most, tops.length) }, () => {
    const top = random(tops.length)
    const from = tops[top] ?? 0
    const to = tops[top + 1 + random(3)] ?? lines.length
    return `${lines.slice(from, Math.min(to, from + longest)).join('\n')}\n`
  })
}

/** The source with one token left out, written twice or replaced, or with one character put in. */
export function mutated(source: string, random: (below: number) => number): string {
  const { starts, ends, count } = tokenize(source)
  const token = random(count)
  const other = random(count)
  const start = starts[token] ?? 0
  const end = ends[token] ?? 0
  const text = source.slice(starts[other], ends[other])
  switch (random(4)) {
    case 0:
      return source.slice(0, start) + source.slice(end)
    case 1:
      return `${source.slice(0, end)} ${text} ${source.slice(end)}`
    case 2:
      return source.slice(0, start) + text + source.slice(end)
    default: {
      const at = random(source.length)
      return source.slice(0, at) + characters[random(characters.length)] + source.slice(at)
    }
  }
}
