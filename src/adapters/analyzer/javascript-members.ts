import type { InstanceOf, Memory } from './javascript-memory.ts'
import { keyName } from './javascript-patterns.ts'
import type { ValueSource } from './javascript-scopes.ts'
import { type Class, isClass, isFunction, type Node } from './javascript-tree.ts'
import {
  anyFunction,
  anyInstance,
  attributeOfKind,
  functionPrototype,
  plainGlobal,
  trickSymbols,
} from './javascript-tricks.ts'
import type { RuleIndex } from './rule-index.ts'

/**
 * What an expression may be: a qualified name (`child_process.exec`, `net.Socket()` for what a call of it gives), the
 * node of a function, class, object or array of this file, or an instance of such a class.
 */
export type Value = string | Node | InstanceOf

/** What properties of a value give. */
export interface Members {
  attribute(value: Value, name: string): readonly Value[]
  /** As `attribute`, without functions that a list or table holds: those were reported where they were written. */
  read(value: Value, name: string): readonly Value[]
  /** Any element of a list or table, likewise. */
  element(value: Value): readonly Value[]
  /** The symbol, if rules know it or something that it leads to. */
  known(symbol: string): readonly Value[]
  module(specifier: string): readonly Value[]
  global(name: string): readonly Value[]
  /** True for a function that is reported where it is handed on, and so is not followed from there. */
  isHeld(value: Value): boolean
}

interface Setting {
  readonly memory: Memory
  readonly rules: RuleIndex
  visit(node: Node): readonly Value[]
  constantsOf(node: Node): readonly string[] | null
  returnsOf(node: Node): readonly Value[]
  /** What is put into a property of this name, on whatever object. */
  stored(name: string): readonly Value[]
}

/** A value whose source is known by its node only. */
export function expressionSource(node: Node): ValueSource {
  return { from: 'expression', node, path: [] }
}

export function createMembers({ memory, rules, visit, constantsOf, returnsOf, stored }: Setting): Members {
  const members = new Map<Class, Map<string, Class['body']['body'][number][]>>()

  const isKnown = (symbol: string): boolean =>
    rules.leadsToRules(symbol) || rules.rulesFor(symbol).length > 0 || trickSymbols.has(symbol)
  const known = (symbol: string): readonly Value[] => {
    const canonical = rules.canonical(symbol)
    return isKnown(canonical) ? [canonical] : []
  }
  const isUse = (value: Value): boolean => typeof value === 'string' && rules.rulesFor(value).length > 0

  // What is required through a handed-on `require` has to be known all the same.
  const isHeld = (value: Value): boolean => isUse(value) && value !== 'globalThis.require'

  const attribute = (value: Value, name: string): readonly Value[] =>
    typeof value === 'string' ? ofSymbol(value, name) : memory.rememberProperty(value, name, () => ofNode(value, name))
  const ofNode = (value: Node | InstanceOf, name: string): readonly Value[] => {
    if (value.type === 'instance') return ofInstance(value, name)
    if (isClass(value)) {
      if (name === 'prototype') return [memory.instance(value)]
      const own = classMembers(value, name, true)
      if (own.length > 0) return own
      const inherits = value.superClass ? visit(value.superClass).flatMap((above) => attribute(above, name)) : []
      return inherits.length > 0 ? inherits : ofFunction(value, name)
    }
    if (isFunction(value)) return ofFunction(value, name)
    if (value.type === 'ObjectExpression') return ofObject(value, name, visit)
    if (value.type === 'ArrayExpression') return ofArray(value, name, visit)
    return []
  }
  const withoutUses = (node: Node): readonly Value[] => visit(node).filter((value) => !isHeld(value))
  const read = (value: Value, name: string): readonly Value[] => {
    if (typeof value === 'string') return ofSymbol(value, name)
    return memory.rememberProperty(value, `read ${name}`, () => {
      if (value.type === 'ObjectExpression') return ofObject(value, name, withoutUses)
      return value.type === 'ArrayExpression' ? ofArray(value, name, withoutUses) : ofNode(value, name)
    })
  }

  const ofSymbol = (symbol: string, name: string): readonly Value[] => {
    if (symbol.startsWith('#')) {
      const kind = attributeOfKind(symbol, name)
      return kind === null ? [] : known(kind)
    }
    const direct = known(`${symbol}.${name}`)
    if (direct.length > 0) return direct
    if (symbol === 'globalThis') return globalStored(name)
    if (name === 'default' || name === '__esModule' || name === 'value') return [symbol]
    if (name === 'prototype' && isUse(symbol)) return [functionPrototype]
    if (name === 'constructor') return known(isUse(symbol) ? 'globalThis.Function' : anyFunction)
    if (name === 'call' || name === 'apply' || name === 'bind') return [symbol]
    return name === '__proto__' ? [anyInstance] : []
  }
  const globalStored = (name: string): readonly Value[] => {
    const plain = plainGlobal(name)
    const made = stored(`globalThis.${name}`)
    return plain === null ? made : [...made, plain]
  }

  const ofFunction = (node: Node, name: string): readonly Value[] => {
    if (name === 'call' || name === 'apply' || name === 'bind') return [node]
    const kind = attributeOfKind(anyFunction, name)
    return kind === null ? [] : known(kind)
  }

  const ofInstance = ({ of }: InstanceOf, name: string): readonly Value[] => {
    if (name === 'constructor') return [of]
    const own = classMembers(of, name, false)
    if (own.length > 0 || !of.superClass) return own
    return visit(of.superClass).flatMap((above) => {
      if (typeof above === 'string') return known(`${above}()`).flatMap((made) => attribute(made, name))
      return typeof above === 'object' && above.type !== 'instance' && isClass(above)
        ? attribute(memory.instance(above), name)
        : []
    })
  }

  const classMembers = (node: Class, name: string, isStatic: boolean): readonly Value[] =>
    membersOf(node, name).flatMap((member): readonly Value[] => {
      if (!('static' in member) || Boolean(member.static) !== isStatic) return []
      if (member.type === 'ClassMethod' || member.type === 'ClassPrivateMethod') {
        return member.kind === 'get' ? returnsOf(member) : [member]
      }
      return 'value' in member && member.value ? visit(member.value).filter((value) => !isHeld(value)) : []
    })
  const membersOf = (node: Class, name: string): readonly Class['body']['body'][number][] => {
    let byName = members.get(node)
    if (byName === undefined) {
      byName = new Map()
      for (const member of node.body.body) {
        const keys = !('key' in member) || ('computed' in member && member.computed) ? [] : [keyName(member.key) ?? '']
        if ('computed' in member && member.computed) keys.push(...(constantsOf(member.key) ?? []))
        for (const key of keys) byName.set(key, [...(byName.get(key) ?? []), member])
      }
      members.set(node, byName)
    }
    return byName.get(name) ?? []
  }

  const ofObject = (
    node: Extract<Node, { type: 'ObjectExpression' }>,
    name: string,
    valuesOf: (node: Node) => readonly Value[],
  ): readonly Value[] => {
    const found = node.properties.flatMap((property): readonly Value[] => {
      if (property.type === 'SpreadElement') return visit(property.argument).flatMap((value) => attribute(value, name))
      if (property.type === 'ObjectProperty' && !property.computed && keyName(property.key) === '__proto__') {
        return visit(property.value).flatMap((value) => attribute(value, name))
      }
      if (!hasKey(property, name)) return []
      if (property.type === 'ObjectMethod') return property.kind === 'get' ? returnsOf(property) : [property]
      return valuesOf(property.value)
    })
    if (found.length > 0 || name === '__proto__') return found
    const inherits = stored('__proto__').flatMap((value) => attribute(value, name))
    return inherits.length > 0 ? inherits : known(attributeOfKind(anyInstance, name) ?? '')
  }

  const ofArray = (
    node: Extract<Node, { type: 'ArrayExpression' }>,
    name: string,
    valuesOf: (node: Node) => readonly Value[],
  ): readonly Value[] => {
    if (!/^\d+$/.test(name)) return known(attributeOfKind(anyInstance, name) ?? '')
    const hasSpread = node.elements.some((item) => item?.type === 'SpreadElement')
    const selected = hasSpread ? null : node.elements[Number(name)]
    return selected ? valuesOf(selected) : hasSpread ? element(node) : []
  }

  /** A computed key that is not known may be any. */
  const hasKey = (property: { readonly key: Node; readonly computed?: boolean | null }, name: string): boolean => {
    if (!property.computed) return keyName(property.key) === name
    return constantsOf(property.key)?.includes(name) ?? true
  }

  // An object can be spread into itself, and a class be its own ancestor: the memory ends such rounds.
  const element = (value: Value): readonly Value[] =>
    typeof value === 'string'
      ? [value].filter((symbol) => !isHeld(symbol))
      : memory.rememberProperty(value, 'any element', () => elementsOf(value))
  const elementsOf = (value: Node | InstanceOf): readonly Value[] => {
    if (value.type === 'instance') return []
    if (value.type === 'ObjectExpression') {
      return value.properties.flatMap((property) =>
        property.type === 'ObjectProperty'
          ? withoutUses(property.value)
          : property.type === 'ObjectMethod'
            ? [property]
            : [],
      )
    }
    if (value.type !== 'ArrayExpression') return []
    return value.elements.flatMap((item) => {
      if (item === null) return []
      return item.type === 'SpreadElement' ? visit(item.argument).flatMap(element) : withoutUses(item)
    })
  }

  const module = (specifier: string): readonly Value[] => {
    const name = specifier.replace(/^(?:node|npm|jsr):\/?/, '').replace(/^(@?[^@]+)@[^/]+/, '$1')
    return known(name.replace(/\.[cm]?js$/, '')).length > 0 ? known(name.replace(/\.[cm]?js$/, '')) : known(name)
  }

  const global = (name: string): readonly Value[] => attribute('globalThis', name)

  return { attribute, read, element, known, module, global, isHeld }
}

export function isList(value: Value): value is Extract<Node, { type: 'ArrayExpression' }> {
  return typeof value === 'object' && value.type === 'ArrayExpression'
}
