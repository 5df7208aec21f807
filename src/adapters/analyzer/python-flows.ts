import { nameOf } from './python-bindings.ts'
import { scopeOf } from './python-scopes.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** Where values go that are not bound to a name: into attributes, and through calls into parameters. */
export interface Flows {
  argumentsOf(parameter: SyntaxNode): readonly SyntaxNode[]
  /** Expressions and functions that an attribute of this name may hold, on whatever object. */
  storedIn(attribute: string): readonly SyntaxNode[]
  /** Each returns true when it was not known before. */
  addArgument(parameter: SyntaxNode, value: SyntaxNode): boolean
  addStored(attribute: string, value: SyntaxNode): boolean
}

export function createFlows(): Flows {
  const passed = new Map<SyntaxNode, Set<SyntaxNode>>()
  const stored = new Map<string, Set<SyntaxNode>>()
  return {
    argumentsOf: (parameter) => [...(passed.get(parameter) ?? [])],
    storedIn: (attribute) => [...(stored.get(attribute) ?? [])],
    addArgument: (parameter, value) => add(passed, parameter, value),
    addStored: (attribute, value) => add(stored, attribute, value),
  }
}

function add<K>(map: Map<K, Set<SyntaxNode>>, key: K, value: SyntaxNode): boolean {
  const values = map.get(key) ?? new Set()
  if (values.has(value)) return false
  map.set(key, values.add(value))
  return true
}

/** The expressions a function or lambda can give back or yield. */
export function returnsOf(callable: SyntaxNode): readonly SyntaxNode[] {
  if (callable.kind === 'lambda') {
    const body = callable.field('body')
    return body === null ? [] : [body]
  }
  return callable
    .findAll({ kinds: ['return_statement', 'yield'] })
    .filter((statement) => scopeOf(statement) === callable)
    .flatMap((statement) => statement.children.slice(0, 1))
}

/** The elements of a display that a key (a constant, or an index as text) selects; all of them for null. */
export function elementsOf(
  display: SyntaxNode,
  key: string | null,
  constantOf: (node: SyntaxNode) => string | null,
): readonly SyntaxNode[] {
  if (display.kind.endsWith('comprehension') || display.kind === 'generator_expression') {
    return display.children.slice(0, 1)
  }
  if (display.kind === 'dictionary') {
    const pairs = display.children.filter(({ kind }) => kind === 'pair')
    const selected = pairs.filter((pair) => {
      const written = pair.field('key')
      return key === null || written === null || (constantOf(written) ?? written.text) === key
    })
    return selected.map((pair) => pair.field('value')).filter((value) => value !== null)
  }
  const index = key === null || display.children.some(({ kind }) => kind === 'list_splat') ? Number.NaN : Number(key)
  const selected = Number.isInteger(index) ? display.children.at(index) : undefined
  return selected === undefined ? display.children : [selected]
}

/** Methods of a class with this name. */
export function methodsNamed(owner: SyntaxNode, name: string): readonly SyntaxNode[] {
  if (owner.kind !== 'class_definition') return []
  return (owner.field('body')?.children ?? [])
    .map((member) => (member.kind === 'decorated_definition' ? member.field('definition') : member))
    .filter((member) => member?.kind === 'function_definition')
    .filter((member) => member !== null)
    .filter((member) => {
      const written = member.field('name')
      return written !== null && nameOf(written) === name
    })
}

/** The parameter that takes an argument of a call: by its name, or by its position. */
export function parameterFor(
  callable: SyntaxNode,
  argument: { readonly keyword: string | null; readonly position: number },
): SyntaxNode | null {
  const parameters = callable.field('parameters')?.children ?? []
  if (argument.keyword === null) return parameters[argument.position] ?? null
  return parameters.find((parameter) => nameOfParameter(parameter) === argument.keyword) ?? null
}

/** The identifier that a parameter binds. */
export function identifierOf(parameter: SyntaxNode): SyntaxNode | null {
  if (parameter.kind === 'identifier') return parameter
  const named = parameter.field('name') ?? parameter.children[0] ?? null
  return named?.kind === 'identifier' ? named : null
}

function nameOfParameter(parameter: SyntaxNode): string | null {
  const identifier = identifierOf(parameter)
  return identifier === null ? null : nameOf(identifier)
}
