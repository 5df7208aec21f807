import { type Binding, nameOf } from './python-bindings.ts'
import { constantString } from './python-constants.ts'
import { elementsOf, type Flows, returnsOf } from './python-flows.ts'
import { createMembers, displays, type Value } from './python-members.ts'
import type { NameTable } from './python-names.ts'
import { builtinSeeds, reachable } from './python-seeds.ts'
import type { RuleIndex } from './rule-index.ts'
import type { SyntaxNode } from './syntax-tree.ts'

export interface Evaluator {
  valuesOf(node: SyntaxNode): readonly Value[]
  constantOf(node: SyntaxNode): string | null
  /** Names met on the way that were not asked for yet; asking for them may tell more. */
  readonly wanted: ReadonlySet<string>
  /** True when something with a rule can be had from the value: a module, an instance, a function that returns one. */
  leadsSomewhere(value: Value): boolean
}

interface Setting {
  readonly names: NameTable
  readonly rules: RuleIndex
  readonly flows: Flows
}

/** How far functions that return functions, and displays in displays, are followed. */
const deepest = 4
const callable = new Set(['function_definition', 'lambda'])
/** Evaluates without regard to order or conditions: a name may be anything that is bound to it in its scope. */
export function createEvaluator({ names, rules, flows }: Setting): Evaluator {
  const memory = new Map<SyntaxNode, readonly Value[]>()
  const provisional = new Map<SyntaxNode, readonly Value[]>()
  const constants = new Map<SyntaxNode, string | null>()
  const underway = new Set<SyntaxNode>()
  const wanted = new Set<string>()
  const seeds = builtinSeeds(rules)
  let cycles = 0

  const { attribute, item, callOf, known, module, isUse } = createMembers({
    rules,
    visit: (node) => visit(node),
    elements: (display, key) => elements(display, key),
    constantOf: (node) => constantOf(node),
    global: (name) => named(names.resolveGlobal(name), name),
  })

  const throughModule = (object: SyntaxNode, name: string): readonly Value[] => {
    const bare = name.replace(/^_/, '')
    if (name === '__self__' && object.kind === 'identifier') {
      const builtin = nameOf(object)
      if (!names.has(builtin)) wanted.add(builtin)
      else if (/^[a-z]+$/.test(builtin) && names.resolve(object).bindings.length === 0) return ['builtins']
      return []
    }
    if (!reachable.has(bare) || object.kind !== 'identifier') return []
    if (!names.has(nameOf(object))) {
      wanted.add(nameOf(object))
      return []
    }
    return names.resolve(object).bindings.some(({ source }) => source.from === 'import') ? [bare] : []
  }

  const elements = (display: SyntaxNode, key: string | null): readonly Value[] =>
    elementsOf(display, key, constantOf).flatMap(visit)

  const call = (node: SyntaxNode): readonly Value[] => {
    const callee = node.field('function')
    if (callee === null) return []
    const given = node.field('arguments')?.children ?? []
    return visit(callee).flatMap((value) => {
      if (typeof value !== 'string') {
        if (displays.has(value.kind)) return item(value, null)
        if (callable.has(value.kind)) return returnsOf(value).flatMap(visit)
        if (value.kind === 'class_definition') return [value, ...bases(value).flatMap((base) => known(`${base}()`))]
        return []
      }
      return callOf(value, given)
    })
  }

  const bases = (node: SyntaxNode): string[] =>
    (node.field('superclasses')?.children ?? []).flatMap(visit).filter((value) => typeof value === 'string')

  const named = (resolved: { bindings: readonly Binding[]; mayBeBuiltin: boolean }, name: string): readonly Value[] => {
    const values = resolved.bindings.flatMap(bound)
    if (!resolved.mayBeBuiltin) return values
    const stars = names.starModules.flatMap((star) => module(star).flatMap((value) => attribute(value, name)))
    const builtin = name === '__builtins__' ? ['builtins'] : seeds.has(name) ? known(`builtins.${name}`) : []
    return [...values, ...stars, ...builtin]
  }

  const bound = ({ source }: Binding): readonly Value[] => {
    switch (source.from) {
      case 'import':
        return module(source.symbol)
      case 'definition':
        return [source.node]
      case 'expression':
        return source.path.reduce<readonly Value[]>(
          (values, step) => values.flatMap((value) => unpacked(value, step)),
          visit(source.node),
        )
      case 'annotation':
        return instanceOf(source.node)
      case 'parameter': {
        const annotation = source.parameter.field('type')
        const usual = source.parameter.field('value')
        const passed = [...(usual === null ? [] : [usual]), ...flows.argumentsOf(source.parameter)]
        // A function passed in was reported where it was handed on.
        const followed = passed.flatMap(visit).filter((value) => !isUse(value))
        return annotation === null ? followed : [...followed, ...instanceOf(annotation)]
      }
      default:
        return []
    }
  }

  const unpacked = (value: Value, step: number | null): readonly Value[] =>
    typeof value === 'string' || step === null ? item(value, null) : elements(value, String(step))

  const instanceOf = (annotation: SyntaxNode): readonly Value[] => {
    const type = annotation.kind === 'type' ? annotation.children[0] : annotation
    if (type?.kind !== 'identifier' && type?.kind !== 'attribute') return []
    return visit(type).flatMap((value) => (typeof value === 'string' ? known(`${value}()`) : [value]))
  }

  const compute = (node: SyntaxNode): readonly Value[] => {
    switch (node.kind) {
      case 'identifier': {
        const name = nameOf(node)
        return names.has(name) ? named(names.resolve(node), name) : []
      }
      case 'attribute': {
        const object = node.field('object')
        const member = node.field('attribute')
        if (object === null || member === null) return []
        const name = nameOf(member)
        if (name === '__globals__' || name === 'f_globals' || name === 'f_builtins') return ['globals()']
        if (name === '__builtins__') return ['builtins']
        const direct: Value[] = visit(object).flatMap((value) => attribute(value, name))
        if (direct.length === 0) direct.push(...throughModule(object, name))
        const stored = flows.storedIn(name).flatMap(visit)
        return [...direct, ...stored.filter((value) => !isUse(value))]
      }
      case 'call':
        return call(node)
      case 'subscript': {
        const values = visit(node.field('value'))
        const key = node.children[1]
        if (key === undefined || key.kind === 'slice') return values
        const text = constantOf(key) ?? (key.kind === 'integer' ? key.text : null)
        return values.flatMap((value) => item(value, text))
      }
      case 'named_expression':
        return visit(node.field('value'))
      case 'parenthesized_expression':
      case 'await':
      case 'list_splat':
        return visit(node.children[0] ?? null)
      case 'conditional_expression':
        return [...visit(node.children[0] ?? null), ...visit(node.children[2] ?? null)]
      case 'boolean_operator':
        return [...visit(node.field('left')), ...visit(node.field('right'))]
      case 'binary_operator': {
        const operator = node.operator
        const left = visit(node.field('left')).filter((value) => typeof value === 'string')
        return left.flatMap((value) => known(`${value}.${operator}`))
      }
      default:
        return callable.has(node.kind) || displays.has(node.kind) ? [node] : []
    }
  }

  const visit = (node: SyntaxNode | null): readonly Value[] => {
    if (node === null) return []
    const remembered = memory.get(node) ?? provisional.get(node)
    if (remembered !== undefined) return remembered
    if (underway.has(node)) {
      cycles += 1
      return []
    }
    underway.add(node)
    const before = cycles
    const computed = compute(node)
    const values = computed.length < 2 ? computed : [...new Set(computed)]
    underway.delete(node)
    // What was found inside a cycle may be half of it; it serves until the outermost visit, which has seen all, ends.
    if (cycles === before || underway.size === 0) memory.set(node, values)
    else provisional.set(node, values)
    if (underway.size === 0) provisional.clear()
    return values
  }

  const constantOf = (node: SyntaxNode): string | null => constantString(node, constantNamed)

  const constantNamed = (identifier: SyntaxNode): string | null => {
    const name = nameOf(identifier)
    if (!names.has(name)) {
      wanted.add(name)
      return null
    }
    const { bindings } = names.resolve(identifier)
    const source = bindings.length === 1 ? bindings[0]?.source : undefined
    if (source?.from !== 'expression' || source.path.length > 0) return null
    const remembered = constants.get(source.node)
    if (remembered !== undefined) return remembered
    // A name that is defined by itself is no constant.
    constants.set(source.node, null)
    const value = constantOf(source.node)
    constants.set(source.node, value)
    return value
  }

  const leadsSomewhere = (value: Value, depth = 0): boolean => {
    if (typeof value === 'string') return value !== 'builtins.object' && value !== 'builtins.type'
    if (depth === deepest) return true
    return contents(value).some((content) => leadsSomewhere(content, depth + 1))
  }
  const contents = (value: SyntaxNode): readonly Value[] => {
    if (displays.has(value.kind)) return elements(value, null)
    if (value.kind === 'class_definition') return bases(value)
    return returnsOf(value).flatMap(visit)
  }

  return { valuesOf: visit, constantOf, wanted, leadsSomewhere: (value) => leadsSomewhere(value) }
}
