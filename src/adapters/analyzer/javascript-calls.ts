import { argumentsGiven, type Call, isCall, methodOf } from './javascript-flows.ts'
import { isList, type Members, type Value } from './javascript-members.ts'
import type { InstanceOf } from './javascript-memory.ts'
import type { NameTable } from './javascript-names.ts'
import { type Class, isClass, isFunction, type Node } from './javascript-tree.ts'
import { interopHelper, prototypeOf, transparentFunctions } from './javascript-tricks.ts'

interface Setting {
  readonly names: NameTable
  readonly members: Members
  visit(node: Node): readonly Value[]
  constantsOf(node: Node): readonly string[] | null
  returnsOf(node: Node): readonly Value[]
  instance(of: Class): InstanceOf
  /** The last name of a chain of members. */
  lastKey(node: Node): string | null
}

/** What calls give. */
export interface Calls {
  resultOfCall(node: Call): readonly Value[]
  /** What an instance of a class inherits from a base that is none of the file's. */
  superResults(superClass: Node): readonly Value[]
  /** True when a call does not use its first argument, but gives it back in some form. */
  isTransparent(node: Node): boolean
}

const listMethods = new Set(['slice', 'concat', 'filter', 'reverse', 'sort', 'flat', 'toReversed', 'values', 'map'])
const elementMethods = new Set(['pop', 'shift', 'at', 'find', 'findLast', 'reduce'])

export function createCalls({ names, members, visit, constantsOf, returnsOf, instance, lastKey }: Setting): Calls {
  const { attribute, element, known, module, global } = members

  const resultOfCall = (node: Call): readonly Value[] => {
    const method = methodOf(node)
    if (method?.name === 'bind') return visit(method.object)
    if (isTransparent(node)) {
      const first = node.arguments[0]
      return first === undefined ? [] : visit(first)
    }
    const direct = visit(node.callee).flatMap((value) => resultOf(value, node))
    if (method === null) return direct
    const objects = visit(method.object)
    if (method.name === 'then') {
      const callbacks = node.arguments.flatMap(visit).filter((value) => typeof value === 'object')
      return [...direct, ...callbacks.flatMap((value) => (value.type === 'instance' ? [] : returnsOf(value)))]
    }
    if (method.name === 'catch' || method.name === 'finally') return [...direct, ...objects]
    if (listMethods.has(method.name)) return [...direct, ...objects.filter((value) => isList(value))]
    return elementMethods.has(method.name) ? [...direct, ...objects.flatMap(element)] : direct
  }
  const resultOf = (value: Value, node: Call): readonly Value[] => {
    if (typeof value === 'string') return symbolResult(value, node)
    if (value.type === 'instance') return []
    if (isClass(value)) return [instance(value), ...(value.superClass ? superResults(value.superClass) : [])]
    if (!isFunction(value)) return []
    const isThis = names.returnsOf(value).some(({ type }) => type === 'ThisExpression')
    return isThis && methodOf(node) === null ? [...returnsOf(value), 'globalThis'] : returnsOf(value)
  }
  const superResults = (superClass: Node): readonly Value[] =>
    visit(superClass).flatMap((value) => (typeof value === 'string' ? known(`${value}()`) : []))

  const symbolResult = (symbol: string, node: Call): readonly Value[] => {
    const given = argumentsGiven(node)
    const texts = (position: number) => {
      const argument = given[position]
      return argument === undefined ? null : constantsOf(argument)
    }
    const values = (position: number) => {
      const argument = given[position]
      return argument === undefined ? [] : visit(argument)
    }
    switch (symbol) {
      case 'globalThis.require':
      case 'process.getBuiltinModule':
      case 'module._load':
        return texts(0)?.flatMap(module) ?? []
      case 'globalThis.Reflect.get':
      case 'globalThis.Object.getOwnPropertyDescriptor':
      case 'globalThis.Reflect.getOwnPropertyDescriptor':
        return texts(1)?.flatMap((name) => values(0).flatMap((value) => attribute(value, name))) ?? []
      case 'globalThis.Reflect.apply':
      case 'globalThis.Reflect.construct':
        return values(0).flatMap((value) => resultOf(value, { ...node, arguments: [] }))
      case 'globalThis.Object.assign':
      case 'globalThis.Object.setPrototypeOf':
      case 'globalThis.Promise.all':
        return given.flatMap(visit)
      case 'globalThis.Object.getPrototypeOf':
      case 'globalThis.Reflect.getPrototypeOf':
        return values(0).flatMap((value): readonly Value[] => {
          if (typeof value === 'string') return value.startsWith('#') ? [prototypeOf(value)] : []
          return value.type === 'instance' ? [value] : isFunction(value) || isClass(value) ? [prototypeOf('')] : []
        })
      case 'globalThis.Function':
      case 'globalThis.eval':
        return texts(symbol.endsWith('eval') ? 0 : given.length - 1)?.flatMap(codeResult) ?? []
      default:
        return symbol.startsWith('made of text: ') ? global(symbol.slice(14)) : known(`${symbol}()`)
    }
  }
  /** `Function('return process')` gives a function whose result can be told. */
  const codeResult = (code: string): readonly Value[] => {
    const returns = /^\s*return\s+(\w+)\s*;?\s*$/.exec(code)?.[1]
    if (returns !== undefined) return [`made of text: ${returns === 'this' ? 'globalThis' : returns}`]
    const name = /^\s*\(?(\w+)\)?\s*;?\s*$/.exec(code)?.[1]
    return name === undefined ? [] : global(name === 'this' ? 'globalThis' : name)
  }

  const isTransparent = (node: Node): boolean => {
    if (!isCall(node)) return false
    const { callee } = node
    if (callee.type === 'Identifier' && interopHelper.test(callee.name)) return true
    if (lastKey(callee) !== null && interopHelper.test(lastKey(callee) ?? '')) return true
    return visit(callee).some((value) => typeof value === 'string' && transparentFunctions.has(value))
  }

  return { resultOfCall, superResults, isTransparent }
}
