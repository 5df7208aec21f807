import picomatch from 'picomatch'
import { z } from 'zod'

/** The time that a match takes grows with these, and anybody may choose a path: bounded so that none takes long. */
const most = { characters: 200, deepStars: 3, stars: 2, alternatives: 20 }

const options = { dot: true, nonegate: true, noextglob: true, nobracket: true } as const

/** Mean something to picomatch, and stand for themselves here. */
const literals = /[()[\]!+@|^$'"]/g

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no path of a diff can have
const impossible = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/

const anyDirectories = '**'

const count = (text: string, part: string): number => text.split(part).length - 1

const bracesFault = (name: string): string | null => {
  if (!/[{}]/.test(name)) return null
  const [, inside] = /^[^{}]*\{([^{}]*)\}[^{}]*$/.exec(name) ?? []
  if (inside === undefined) return `has braces other than one pair in a name, as in {a,b}`
  if (!inside.includes(',') || inside.includes('..')) return 'has braces that do not hold names with commas between'
  if (inside.includes('*')) return 'has a star in braces'
  return count(inside, ',') < most.alternatives ? null : `has more than ${most.alternatives} names in braces`
}

const nameFault = (name: string): string | null => {
  if (name === anyDirectories) return null
  if (name === '') return 'has two slashes side by side'
  if (name === '.' || name === '..') return 'has . or .. between slashes, and no path does'
  if (name.includes('**')) return 'has ** beside other characters: it stands alone between slashes'
  if (count(name, '*') > most.stars) return `has more than ${most.stars} stars in a name`
  return bracesFault(name)
}

/** What is wrong with a glob, in words; null when nothing is. */
export const globFault = (glob: string): string | null => {
  const names = glob.split('/')
  if (glob === '') return 'is empty'
  if (glob.length > most.characters) return `has more than ${most.characters} characters`
  if (impossible.test(glob)) return 'has a backslash or a control character, and no path does'
  if (glob.startsWith('/')) return 'begins with a slash: paths begin at the root without one'
  if (glob.endsWith('/')) return `ends with a slash: ${glob}** is everything below it`
  if (names.filter((name) => name === anyDirectories).length > most.deepStars) {
    return `has ** more than ${most.deepStars} times`
  }
  return names.map(nameFault).find((fault) => fault !== null) ?? null
}

/** A glob from outside. */
export const pathGlob = z.string().superRefine((glob, context) => {
  const fault = globFault(glob)
  if (fault !== null) context.addIssue({ code: 'custom', message: `is no glob for paths: it ${fault}` })
})

type NameTest = (name: string) => boolean

const compileName = (name: string): NameTest | null =>
  name === anyDirectories ? null : picomatch(name.replaceAll(literals, '\\$&'), options)

/** Whether names match parts one by one, where a null part takes any number of them. */
const matchesNames = (parts: readonly (NameTest | null)[], names: readonly string[]): boolean => {
  let [part, name] = [0, 0]
  let retry: { part: number; name: number } | undefined
  while (name < names.length) {
    const test = parts[part]
    if (test === null) {
      retry = { part, name }
      part += 1
    } else if (test?.(names[name] ?? '')) {
      part += 1
      name += 1
    } else if (retry) {
      retry.name += 1
      part = retry.part + 1
      name = retry.name
    } else return false
  }
  return parts.slice(part).every((rest) => rest === null)
}

/** Gives the first of some globs that a path matches. */
export type PathMatcher = (path: string) => string | undefined

/**
 * Compiles globs. `*` and `?` stand for characters of a name, `{a,b}` for either, and `**` for any directories. All else
 * stands for itself. A name that begins with a dot is like any other, and upper and lower case differ, as in git.
 */
export const pathMatcher = (globs: readonly string[]): PathMatcher => {
  const compiled = globs.map((glob) => ({ glob, parts: glob.split('/').map(compileName) }))
  return (path) => {
    const names = path.split('/')
    return compiled.find(({ parts }) => matchesNames(parts, names))?.glob
  }
}
