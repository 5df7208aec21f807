import { expressionSource } from './javascript-members.ts'
import { keyName } from './javascript-patterns.ts'
import type { ValueSource } from './javascript-scopes.ts'
import type { FunctionNode, Node } from './javascript-tree.ts'

export type Call = Extract<Node, { type: 'CallExpression' | 'OptionalCallExpression' | 'NewExpression' }>

/** Which values calls give to the parameters of the file's own functions. */
export interface Flows {
  argumentsOf(owner: FunctionNode, position: number): readonly ValueSource[]
  /** All arguments from a position on, as the lists that calls pass. */
  restOf(owner: FunctionNode, position: number): readonly ValueSource[]
  /** `isCertain` passes it whatever else is passed. @returns false when it was known, or one of too many */
  pass(owner: FunctionNode, position: number, value: ValueSource, isCertain: boolean): boolean
}

/** More calls of one function than this tell nothing new. */
const mostArguments = 24

export function createFlows(): Flows {
  const passed = new Map<FunctionNode, Map<number, Map<Node, ValueSource>>>()
  const at = (owner: FunctionNode, position: number): readonly ValueSource[] => [
    ...(passed.get(owner)?.get(position)?.values() ?? []),
  ]
  return {
    argumentsOf: at,
    restOf: (owner, position) =>
      [...(passed.get(owner)?.keys() ?? [])].filter((index) => index >= position).flatMap((index) => at(owner, index)),
    pass(owner, position, value, isCertain) {
      const node = value.from === 'expression' ? value.node : null
      if (node === null) return false
      const positions = passed.get(owner) ?? new Map<number, Map<Node, ValueSource>>()
      passed.set(owner, positions)
      const values = positions.get(position) ?? new Map<Node, ValueSource>()
      positions.set(position, values)
      if (values.has(node) || (!isCertain && values.size >= mostArguments)) return false
      values.set(node, value)
      return true
    },
  }
}

export function isCall(node: Node): node is Call {
  return node.type === 'CallExpression' || node.type === 'OptionalCallExpression' || node.type === 'NewExpression'
}

/** The object and the written name of a method call: `f` and `call` of `f.call(x)`. */
export function methodOf(call: Node): { readonly object: Node; readonly name: string } | null {
  if (!isCall(call)) return null
  const { callee } = call
  if (callee.type !== 'MemberExpression' && callee.type !== 'OptionalMemberExpression') return null
  const name = callee.computed && callee.property.type !== 'StringLiteral' ? null : keyName(callee.property)
  return name === null ? null : { object: callee.object, name }
}

/** The arguments as the function that runs gets them: without the `this` of `call`, out of the list of `apply`. */
export function argumentsGiven(call: Call): readonly Node[] {
  const method = methodOf(call)
  if (method?.name === 'call') return call.arguments.slice(1)
  if (method?.name !== 'apply') return call.arguments
  const list = call.arguments[1]
  if (list?.type !== 'ArrayExpression') return list === undefined ? [] : [{ ...list, type: 'SpreadElement' } as Node]
  return list.elements.filter((item) => item !== null)
}

const elementCallbacks = new Set(['forEach', 'map', 'filter', 'some', 'every', 'find', 'flatMap', 'findLast'])

/** What a call passes to functions that it is given instead of calling them: `.then(f)`, `.map(f)`. */
export function passedToCallback(call: Call): ValueSource | null {
  const method = methodOf(call)
  if (method === null) return null
  if (method.name === 'then') return expressionSource(method.object)
  return elementCallbacks.has(method.name) ? { from: 'expression', node: method.object, path: ['any element'] } : null
}
