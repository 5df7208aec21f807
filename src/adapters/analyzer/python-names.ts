import { type Binding, isConditional, isEarlier, nameOf, type Role, roleOf } from './python-bindings.ts'
import { isBoundByAlternatives, reaching } from './python-certainty.ts'
import { isComprehension, scopeOf } from './python-scopes.ts'
import type { SyntaxNode } from './syntax-tree.ts'

interface Occurrence {
  readonly identifier: SyntaxNode
  readonly role: Role
}

interface ResolvedName {
  /** All bindings that the name may have where it stands; which of them ran last is not followed. */
  readonly bindings: readonly Binding[]
  /** True when the name may also be the builtin one, or come from `from x import *`. */
  readonly mayBeBuiltin: boolean
}

/** The names of one module that somebody asked about: where they are bound, where they are used. */
export interface NameTable {
  /** Adds names and names of attributes; returns false when all were known. */
  add(names: Iterable<string>, attributes: Iterable<string>): boolean
  has(name: string): boolean
  readonly occurrences: readonly Occurrence[]
  /** Modules that are imported with `*`. */
  readonly starModules: readonly string[]
  resolve(identifier: SyntaxNode): ResolvedName
  /** True for a name of a function's own: nobody outside of it can read it. */
  isLocal(binding: Binding): boolean
  /** As if the name were used at the end of the module. */
  resolveGlobal(name: string): ResolvedName
}

/** `starModules` are imported with `*`. */
export function createNameTable(module: SyntaxNode, starModules: readonly string[]): NameTable {
  const known = new Set<string>()
  const knownAttributes = new Set<string>()
  const occurrences: Occurrence[] = []
  const bound = new Map<SyntaxNode, Map<string, Binding[]>>()
  const deleted = new Map<SyntaxNode, Set<string>>()
  const declared = new Map<SyntaxNode, Map<string, 'global' | 'nonlocal'>>()
  const homeOf = (scope: SyntaxNode, name: string): SyntaxNode => {
    const kind = declared.get(scope)?.get(name)
    if (kind === 'global') return module
    if (kind === undefined) return scope
    let outer = scopeOf(scope)
    while (outer !== module && (outer.kind === 'class_definition' || !bound.get(outer)?.has(name)))
      outer = scopeOf(outer)
    return outer
  }
  const record = (binding: Binding): void => {
    const name = nameOf(binding.identifier)
    const home = homeOf(binding.scope, name)
    const names = bound.get(home) ?? new Map<string, Binding[]>()
    bound.set(home, names)
    const bindings = names.get(name) ?? []
    bindings.push(binding)
    names.set(name, bindings)
  }

  const inModule = (name: string, use: SyntaxNode | null, isDeferred: boolean): ResolvedName => {
    const all = bound.get(module)?.get(name) ?? []
    const isAtOnce = use !== null && !isDeferred && scopeOf(use) === module
    const { bindings, isBound } = isAtOnce ? reaching(all, module, use) : { bindings: all, isBound: false }
    const isAlwaysBound = isBound || isBoundByAlternatives(all, module, isDeferred ? null : use)
    const certain =
      isAlwaysBound ||
      bindings.some(
        (binding) => (isDeferred || use === null || isEarlier(binding, use)) && !isConditional(binding, use),
      )
    return { bindings, mayBeBuiltin: !certain || deleted.get(module)?.has(name) === true }
  }

  const resolved = new Map<SyntaxNode, ResolvedName>()

  const resolve = (identifier: SyntaxNode): ResolvedName => {
    const name = nameOf(identifier)
    const first = scopeOf(identifier)
    const collected: Binding[] = []
    let isDeferred = false
    for (let scope = first; scope !== module; scope = scopeOf(scope)) {
      const home = homeOf(scope, name)
      if (home === module) break
      const isClass = scope.kind === 'class_definition'
      if (isClass && scope !== first) continue
      const all = bound.get(home)?.get(name) ?? []
      const here = home === first ? reaching(all, home, identifier).bindings : all
      collected.push(...here)
      if (here.length > 0 && !isClass) return { bindings: collected, mayBeBuiltin: false }
      const isCertain = here.some((binding) => isEarlier(binding, identifier) && !isConditional(binding, identifier))
      if (isClass && isCertain && !deleted.get(scope)?.has(name)) return { bindings: collected, mayBeBuiltin: false }
      if (!isClass && !isComprehension(scope)) isDeferred = true
    }
    const outer = inModule(name, identifier, isDeferred)
    return { bindings: [...collected, ...outer.bindings], mayBeBuiltin: outer.mayBeBuiltin }
  }

  return {
    occurrences,
    starModules,
    has: (name) => known.has(name),
    isLocal: ({ identifier, scope }) => homeOf(scope, nameOf(identifier)).kind === 'function_definition',
    add(names, attributes) {
      const freshNames = take(names, known)
      const freshAttributes = take(attributes, knownAttributes)
      if (freshNames.length + freshAttributes.length === 0) return false
      resolved.clear()
      const found = module
        .findAll({ names: freshNames, attributes: freshAttributes })
        .map((identifier): Occurrence => ({ identifier, role: roleOf(identifier) }))
      for (const { identifier, role } of found) {
        if (role.role === 'declare') {
          const names = declared.get(role.scope) ?? new Map<string, 'global' | 'nonlocal'>()
          declared.set(role.scope, names.set(nameOf(identifier), role.kind))
        }
        if (role.role === 'delete') {
          const home = deleted.get(role.scope) ?? new Set<string>()
          deleted.set(role.scope, home.add(nameOf(identifier)))
        }
      }
      for (const { role } of found) if (role.role === 'bind') record(role.binding)
      for (const occurrence of found) occurrences.push(occurrence)
      return true
    },
    resolve(identifier) {
      let found = resolved.get(identifier)
      if (found === undefined) {
        found = resolve(identifier)
        resolved.set(identifier, found)
      }
      return found
    },
    resolveGlobal: (name) => inModule(name, null, true),
  }
}

/** What is not known yet, which it then is. */
function take(names: Iterable<string>, known: Set<string>): string[] {
  const fresh = [...new Set(names)].filter((name) => !known.has(name))
  for (const name of fresh) known.add(name)
  return fresh
}
