import type { FunctionNode, Node } from './javascript-tree.ts'

/** One step from a value to a part of it: a name, a computed name, any element, or what is left over. */
export type Step = string | { readonly computed: Node } | 'any element'

/** Where a bound name gets its value from; `path` leads from there to the part that the name gets. */
export type ValueSource =
  | { readonly from: 'import'; readonly module: string; readonly path: readonly Step[] }
  | {
      readonly from: 'expression'
      readonly node: Node
      readonly path: readonly Step[]
      /** True for what a parameter is when the call does not give it. */
      readonly isDefaultArgument?: true
    }
  | {
      readonly from: 'parameter'
      readonly owner: FunctionNode
      readonly position: number
      readonly isRest: boolean
      readonly path: readonly Step[]
    }

export interface Binding {
  readonly name: string
  readonly sources: ValueSource[]
  /** True when the name is read somewhere: a value it was given is used there, and not where it was given. */
  isRead: boolean
  /** True when it is read other than to be called: others may call what it holds. */
  isHandedOn: boolean
}

export interface Scope {
  readonly outer: Scope | null
  /** True where `var` ends. */
  readonly isFunction: boolean
  /** The function whose scope it is. */
  readonly owner: FunctionNode | null
  /** The object of a `with` statement, whose properties are names inside it. */
  readonly withObject: Node | null
  readonly bindings: Map<string, Binding>
}

export function blockScope(outer: Scope, withObject: Node | null = null): Scope {
  return { outer, isFunction: false, owner: null, withObject, bindings: new Map() }
}

/** `owner` is null for a module and for what runs like a function without being one, as a class's static block. */
export function bodyScope(outer: Scope | null, owner: FunctionNode | null): Scope {
  return { outer, isFunction: true, owner, withObject: null, bindings: new Map() }
}

/** The binding of a name in just this scope; there is one afterwards. */
export function declare(scope: Scope, name: string): Binding {
  const existing = scope.bindings.get(name)
  if (existing !== undefined) return existing
  const binding: Binding = { name, sources: [], isRead: false, isHandedOn: false }
  scope.bindings.set(name, binding)
  return binding
}

/** The scope in which `var` binds and to which `return` belongs. */
export function functionScope(scope: Scope): Scope {
  let inner = scope
  while (!inner.isFunction && inner.outer !== null) inner = inner.outer
  return inner
}

export interface Resolved {
  /** Null for a name of the platform, or one that another script has made. */
  readonly binding: Binding | null
  /** Objects of `with` statements between the name and its binding. */
  readonly withObjects: readonly Node[]
}

export function resolve(scope: Scope, name: string): Resolved {
  const withObjects: Node[] = []
  for (let inner: Scope | null = scope; inner !== null; inner = inner.outer) {
    const binding = inner.bindings.get(name)
    if (binding !== undefined) return { binding, withObjects }
    if (inner.withObject !== null) withObjects.push(inner.withObject)
  }
  return { binding: null, withObjects }
}
