import type { Capability } from '../../domain/ports/code-analyzer.ts'
import type { CapabilityRule } from './python-rules.ts'

/** Looks rules up by qualified name. */
export interface RuleIndex<Rule extends CapabilityRule = CapabilityRule> {
  /** The name under which rules know a symbol. */
  canonical(symbol: string): string
  rulesFor(symbol: string): readonly Rule[]
  /** True when a longer name that starts with this one can have a rule: worth following. */
  leadsToRules(symbol: string): boolean
  /** What can be had from a module or object by any of its names. */
  capabilitiesBelow(symbol: string): readonly Capability[]
  /** Names directly below a module or class that lead to rules, for `from x import *`. */
  namesBelow(symbol: string): readonly string[]
  /** First parts of all names: modules at the top. */
  readonly roots: ReadonlySet<string>
}

export function createRuleIndex<Rule extends CapabilityRule>(
  rules: readonly Rule[],
  synonyms: Readonly<Record<string, string>>,
): RuleIndex<Rule> {
  const meaning = new Map(Object.entries(synonyms))
  const exact = new Map<string, Rule[]>()
  const globs = new Map<string, { stem: string; rule: Rule }[]>()
  const below = new Map<string, Set<string>>()

  const addPath = (name: string): void => {
    const steps = name.split(/(?=\.|\(\)|\[\])/)
    let prefix = steps[0] ?? ''
    for (const step of steps.slice(1)) {
      const next = below.get(prefix) ?? new Set()
      if (step.startsWith('.')) next.add(step.slice(1))
      below.set(prefix, next)
      prefix += step
    }
  }
  for (const rule of rules) {
    for (const name of rule.names.flatMap(expandBraces)) {
      addPath(name)
      if (name.endsWith('*')) {
        const module = name.slice(0, name.lastIndexOf('.'))
        globs.set(module, [...(globs.get(module) ?? []), { stem: name.slice(0, -1), rule }])
      } else exact.set(name, [...(exact.get(name) ?? []), rule])
    }
  }
  for (const name of meaning.keys()) addPath(name)

  return {
    canonical: (symbol) => meaning.get(symbol) ?? symbol,
    rulesFor(symbol) {
      const named = exact.get(symbol) ?? []
      if (symbol.endsWith(')')) return named
      const candidates = globs.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf('.')))) ?? []
      const matching = candidates.filter(({ stem }) => symbol.startsWith(stem) && symbol.length > stem.length)
      return matching.length === 0 ? named : [...named, ...matching.map(({ rule }) => rule)]
    },
    leadsToRules: (symbol) => below.has(symbol),
    capabilitiesBelow(symbol) {
      const names = rules.flatMap((rule) => rule.names.flatMap(expandBraces).map((name) => ({ name, rule })))
      const reached = names.filter(({ name }) => name.startsWith(`${symbol}.`))
      return [...new Set(reached.map(({ rule }) => rule.capability))]
    },
    namesBelow: (symbol) => [...(below.get(symbol) ?? [])].filter((name) => !name.endsWith('*')),
    roots: new Set(
      [...below.keys(), ...meaning.keys()].map((name) => name.split(/[.([]/)[0] ?? '').filter((root) => root !== ''),
    ),
  }
}

/** `a.{b,c}.d` to `a.b.d` and `a.c.d`; braces do not nest. */
export function expandBraces(name: string): string[] {
  const open = name.indexOf('{')
  if (open === -1) return [name]
  const close = name.indexOf('}', open)
  return name
    .slice(open + 1, close)
    .split(',')
    .flatMap((choice) => expandBraces(name.slice(0, open) + choice + name.slice(close + 1)))
}
