import type { z } from 'zod'

/** What is wrong with the form of a request, before each API says it in its own words. */
export type FormFault = { readonly path: readonly PropertyKey[] } & (
  | { readonly kind: 'unknown' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'type'; readonly expected: string; readonly found: string }
  | { readonly kind: 'value'; readonly words: string }
)

/** The first fault of a request. The schema has to be parsed with `reportInput`, since only so what is missing is known. */
export function formFault(error: z.ZodError): FormFault {
  const [issue] = error.issues
  return issue === undefined ? { path: [], kind: 'value', words: 'the request was not understood' } : faultOf(issue, [])
}

function faultOf(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FormFault {
  const path = [...prefix, ...issue.path]
  switch (issue.code) {
    case 'unrecognized_keys':
      return { path: [...path, issue.keys[0] ?? ''], kind: 'unknown' }
    case 'invalid_type': {
      const found = typeNameOf(issue.input)
      return found === 'nothing' ? { path, kind: 'missing' } : { path, kind: 'type', expected: issue.expected, found }
    }
    case 'invalid_union': {
      // What got furthest is what was meant; a union by a field's value says itself what it takes.
      const furthest = issue.errors.flat().sort((a, b) => b.path.length - a.path.length || rank(a) - rank(b))[0]
      if (furthest) return faultOf(furthest, path)
      // The input is the object whose field would have said which form it has.
      const told = Object(issue.input)[path.at(-1) ?? '']
      return told === undefined ? { path, kind: 'missing' } : { path, kind: 'value', words: issue.message }
    }
    default:
      return issue.input === undefined && issue.code === 'invalid_value'
        ? { path, kind: 'missing' }
        : { path, kind: 'value', words: issue.message }
  }
}

const rank = (issue: z.core.$ZodIssue): number => (issue.code === 'invalid_type' ? 1 : 0)

function typeNameOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal'
  return typeof value
}
