import { createCalls } from './javascript-calls.ts'
import type { Flows } from './javascript-flows.ts'
import { createMembers, isList, type Value } from './javascript-members.ts'
import type { Memory } from './javascript-memory.ts'
import type { NameTable } from './javascript-names.ts'
import { keyName } from './javascript-patterns.ts'
import type { Step, ValueSource } from './javascript-scopes.ts'
import { createStores } from './javascript-stores.ts'
import { createConstants } from './javascript-texts.ts'
import { isClass, isFunction, type Node, wrappedBy } from './javascript-tree.ts'
import { anyInstance } from './javascript-tricks.ts'
import type { RuleIndex } from './rule-index.ts'

export interface Evaluator {
  valuesOf(node: Node): readonly Value[]
  valuesFrom(source: ValueSource): readonly Value[]
  /** The texts that an expression can be; null when they are not known. */
  constantsOf(node: Node): readonly string[] | null
  module(specifier: string): readonly Value[]
  attribute(value: Value, name: string): readonly Value[]
  /** True when a call does not use its first argument, but gives it back in some form. */
  isTransparent(call: Node): boolean
}

interface Setting {
  readonly names: NameTable
  readonly rules: RuleIndex
  readonly flows: Flows
  readonly memory: Memory
  /** What `this` is at a node. */
  thisAt(node: Node): readonly Value[]
}

const nothing: readonly Value[] = []

/** Expressions whose value can be a name of the platform, or something that leads to one. */
export const isNamedValue: ReadonlySet<string> = new Set([
  ...['Identifier', 'MemberExpression', 'OptionalMemberExpression', 'CallExpression', 'OptionalCallExpression'],
  ...['NewExpression', 'TaggedTemplateExpression', 'ImportExpression', 'ConditionalExpression', 'LogicalExpression'],
  ...['SequenceExpression', 'AssignmentExpression', 'AwaitExpression', 'ParenthesizedExpression', 'TypeCastExpression'],
  ...['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'TSTypeAssertion', 'TSInstantiationExpression'],
  ...['TSQualifiedName', 'ThisExpression', 'Super'],
])

/** Evaluates without regard to order or conditions: a name may be anything that is bound to it in its scope. */
export function createEvaluator({ names, rules, flows, memory, thisAt }: Setting): Evaluator {
  const { remember, instance } = memory
  const visit = (node: Node): readonly Value[] => {
    if (isNamedValue.has(node.type)) return remember(node, () => compute(node))
    return isFunction(node) || isClass(node) || node.type === 'ObjectExpression' || isList(node) ? [node] : nothing
  }
  const constantsOf = createConstants({
    names,
    flows,
    visit,
    holdersOf: (source) => follow(visit(source.node), source.path.slice(0, -1)),
    storesNamed: (name) => stores.named(name),
  })
  const returned = (node: Node): readonly Value[] => (isFunction(node) ? names.returnsOf(node).flatMap(visit) : [])

  const stores = createStores(names.stores, constantsOf)
  const stored = (name: string): readonly Value[] =>
    remember(`stored ${name}`, () => stores.named(name).flatMap((source) => valuesFrom(source)))

  const members = createMembers({
    memory,
    rules,
    visit,
    constantsOf,
    returnsOf: returned,
    stored,
  })

  const { attribute, read, element, known, module, global, isHeld } = members

  const follow = (values: readonly Value[], path: readonly Step[]): readonly Value[] =>
    path.reduce<readonly Value[]>((current, step) => current.flatMap((value) => stepped(value, step)), values)
  const stepped = (value: Value, step: Step): readonly Value[] => {
    if (step === 'any element') return element(value)
    const keys = typeof step === 'string' ? [step] : constantsOf(step.computed)
    return keys === null ? element(value) : keys.flatMap((key) => attribute(value, key))
  }
  const valuesFrom = (source: ValueSource): readonly Value[] => {
    switch (source.from) {
      case 'import':
        return follow(module(source.module), source.path)
      case 'expression':
        return source.isDefaultArgument
          ? follow(visit(source.node), source.path).filter((value) => !isHeld(value))
          : follow(visit(source.node), source.path)
      default: {
        const { owner, position, isRest } = source
        const given = isRest ? flows.restOf(owner, position) : flows.argumentsOf(owner, position)
        const path = isRest ? source.path.slice(1) : source.path
        // A function passed in was reported where it was handed on.
        return follow(given.flatMap(valuesFrom), path).filter((value) => !isHeld(value) || path.length > 0)
      }
    }
  }

  const named = (node: Extract<Node, { type: 'Identifier' }>): readonly Value[] => {
    const resolved = names.resolve(node)
    if (resolved === null) return []
    const inside = resolved.withObjects.flatMap(visit).flatMap((value) => attribute(value, node.name))
    const { binding } = resolved
    if (binding !== null) return [...inside, ...remember(binding, () => binding.sources.flatMap(valuesFrom))]
    return [...inside, ...names.implicit(node.name).flatMap(valuesFrom), ...global(node.name)]
  }

  const member = (node: Extract<Node, { type: 'MemberExpression' | 'OptionalMemberExpression' }>): readonly Value[] => {
    const { object, property } = node
    const objects = isLiteral(object) ? [anyInstance] : visit(object)
    const keys = node.computed ? constantsOf(property) : [keyName(property) ?? '']
    if (object.type === 'Identifier' && object.name === 'arguments' && names.resolve(object)?.binding === null) {
      return argumentsOf(node, keys)
    }
    if (keys === null) {
      // Both names of a chain like []['filter']['constructor'] can be computed away.
      if (isLiteralChain(object)) return known('globalThis.Function')
      return objects.filter((value) => typeof value !== 'string').flatMap(element)
    }
    return keys.flatMap((key) => {
      const direct = objects.flatMap((value) => [...read(value, key)])
      if (node.computed && object.type === 'ThisExpression' && objects.length === 0) direct.push(...global(key))
      const isConstructorChain = key === 'constructor' && lastKey(object) === 'constructor'
      const made = isConstructorChain ? known('globalThis.Function') : []
      return [...direct, ...made, ...stored(key).filter((value) => !isHeld(value))]
    })
  }
  const isLiteralChain = (node: Node): boolean =>
    node.type === 'MemberExpression' &&
    node.computed &&
    (isLiteral(node.object) || node.object.type === 'ArrayExpression') &&
    constantsOf(node.property) === null
  const argumentsOf = (node: Node, keys: readonly string[] | null): readonly Value[] => {
    let above = names.parents.get(node)
    while (above !== undefined && (!isFunction(above) || above.type === 'ArrowFunctionExpression')) {
      above = names.parents.get(above)
    }
    if (above === undefined || !isFunction(above)) return []
    const owner = above
    const given = keys === null ? flows.restOf(owner, 0) : keys.flatMap((key) => flows.argumentsOf(owner, Number(key)))
    return given.flatMap(valuesFrom).filter((value) => !isHeld(value))
  }
  const lastKey = (node: Node): string | null => {
    if (node.type !== 'MemberExpression' && node.type !== 'OptionalMemberExpression') return null
    return node.computed ? (constantsOf(node.property)?.[0] ?? null) : keyName(node.property)
  }

  const { resultOfCall, superResults, isTransparent } = createCalls({
    names,
    members,
    visit,
    constantsOf,
    returnsOf: returned,
    instance,
    lastKey,
  })

  const compute = (node: Node): readonly Value[] => {
    const inner = wrappedBy(node)
    if (inner !== null) return visit(inner)
    switch (node.type) {
      case 'Identifier':
        return named(node)
      case 'MemberExpression':
      case 'OptionalMemberExpression':
        return member(node)
      case 'TSQualifiedName':
        return visit(node.left).flatMap((value) => attribute(value, node.right.name))
      case 'CallExpression':
      case 'OptionalCallExpression':
      case 'NewExpression':
        return resultOfCall(node)
      case 'TaggedTemplateExpression':
        return visit(node.tag).flatMap((value) =>
          typeof value === 'string' ? known(`${value}()`) : resultOfTag(value),
        )
      case 'ImportExpression':
        return constantsOf(node.source)?.flatMap(module) ?? []
      case 'ConditionalExpression':
        return [...visit(node.consequent), ...visit(node.alternate)]
      case 'LogicalExpression':
        return [...visit(node.left), ...visit(node.right)]
      case 'AssignmentExpression':
        return node.operator === '=' ? visit(node.right) : [...assigned(node.left), ...visit(node.right)]
      case 'ThisExpression':
        return thisAt(node)
      case 'Super':
        return thisAt(node).flatMap((value) =>
          typeof value === 'object' && value.type === 'instance' && value.of.superClass
            ? superResults(value.of.superClass)
            : [],
        )
      default:
        return nothing
    }
  }
  const assigned = (node: Node): readonly Value[] =>
    node.type === 'Identifier' || node.type === 'MemberExpression' ? visit(node) : []
  const resultOfTag = (value: Value): readonly Value[] =>
    typeof value === 'object' && value.type !== 'instance' ? returned(value) : []

  return { valuesOf: visit, valuesFrom, constantsOf, module, attribute, isTransparent }
}

function isLiteral(node: Node): boolean {
  return ['StringLiteral', 'NumericLiteral', 'TemplateLiteral', 'RegExpLiteral', 'BooleanLiteral'].includes(node.type)
}
