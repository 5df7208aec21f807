import { constantTexts } from './javascript-constants.ts'
import { type Flows, isCall } from './javascript-flows.ts'
import { expressionSource, isList, type Value } from './javascript-members.ts'
import type { NameTable } from './javascript-names.ts'
import { keyName } from './javascript-patterns.ts'
import type { Step, ValueSource } from './javascript-scopes.ts'
import { isFunction, type Node } from './javascript-tree.ts'

interface Setting {
  readonly names: NameTable
  readonly flows: Flows
  visit(node: Node): readonly Value[]
  /** The objects whose property is what a source gives. */
  holdersOf(source: Extract<ValueSource, { from: 'expression' }>): readonly Value[]
  /** What is put into properties of this name. */
  storesNamed(name: string): readonly ValueSource[]
}

/** A name with more sources than these is no constant. */
const mostSources = 16

/** Finds the texts that expressions of a file can be, also behind names, properties, parameters and calls. */
export function createConstants({
  names,
  flows,
  visit,
  holdersOf,
  storesNamed,
}: Setting): (node: Node) => readonly string[] | null {
  const constants = new Map<Node, readonly string[] | null>()
  const constantsOf = (node: Node): readonly string[] | null => {
    const known = constants.get(node)
    if (known !== undefined) return known
    // What is defined by itself is no constant.
    constants.set(node, null)
    const texts = constantTexts(node, {
      texts: constantElsewhere,
      list: (inner) => visit(inner).find(isList) ?? null,
      isPlatform: (inner) => names.resolve(inner)?.binding === null,
      isOverwritten: (name) => storesNamed(name).length > 0,
    })
    constants.set(node, texts)
    return texts
  }

  /** Constants behind names, properties, parameters and calls. */
  const constantElsewhere = (node: Node): readonly string[] | null => {
    const sources = sourcesOf(node)
    if (sources === null || sources.length > mostSources) return null
    const texts = sources.map(constantFrom)
    if (texts.length === 0 || texts.includes(null)) return null
    const all = [...new Set(texts.flatMap((each) => each ?? []))]
    return all.length > mostSources ? null : all
  }
  const constantFrom = (source: ValueSource): readonly string[] | null => {
    if (source.from === 'import') return null
    if (source.from === 'parameter') {
      const given = flows.argumentsOf(source.owner, source.position)
      // Others may call it with something else.
      if (!names.isOnlyCalled(source.owner) || given.length > mostSources) return null
      if (source.path.length > 0 || source.isRest || given.length === 0) return null
      const texts = given.map(constantFrom)
      return texts.includes(null) ? null : texts.flatMap((each) => each ?? [])
    }
    if (source.path.length === 0) return constantsOf(source.node)
    const holders = holdersOf(source)
    const texts = holders.map((holder) => constantIn(holder, source.path.at(-1) ?? ''))
    return texts.length === 0 || texts.includes(null) ? null : texts.flatMap((each) => each ?? [])
  }
  const sourcesOf = (node: Node): readonly ValueSource[] | null => {
    if (node.type === 'Identifier') return names.resolve(node)?.binding?.sources ?? names.implicit(node.name)
    if (node.type === 'MemberExpression' || node.type === 'OptionalMemberExpression') {
      const key = node.computed ? { computed: node.property } : (keyName(node.property) ?? '')
      const name = typeof key === 'string' ? key : (constantsOf(key.computed)?.[0] ?? '')
      return [{ from: 'expression', node: node.object, path: [key] }, ...storesNamed(name)]
    }
    if (!isCall(node)) return null
    const callables = visit(node.callee).filter((value) => typeof value === 'object')
    return callables.flatMap((value) =>
      value.type !== 'instance' && isFunction(value) ? names.returnsOf(value).map(expressionSource) : [],
    )
  }
  /** The constant that a property of an object or list has. */
  const constantIn = (holder: Value, step: Step): readonly string[] | null => {
    if (typeof holder === 'string' || holder.type === 'instance') return null
    const keys = typeof step === 'string' ? [step] : constantsOf(step.computed)
    const all = keys === null || step === 'any element'
    const items: (Node | null)[] = []
    if (holder.type === 'ArrayExpression') {
      items.push(...(all ? holder.elements : keys.map((key) => holder.elements[Number(key)] ?? null)))
    } else if (holder.type === 'ObjectExpression') {
      for (const property of holder.properties) {
        if (property.type !== 'ObjectProperty' || property.computed) return null
        if (all || keys.includes(keyName(property.key) ?? '')) items.push(property.value)
      }
    }
    const texts = items.map((item) => (item === null ? null : constantsOf(item)))
    return texts.length === 0 || texts.includes(null) ? null : texts.flatMap((each) => each ?? [])
  }
  return constantsOf
}
