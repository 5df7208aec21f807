import { isCall } from './javascript-flows.ts'
import { type Resolved, resolve, type ValueSource } from './javascript-scopes.ts'
import type { FunctionNode, Node } from './javascript-tree.ts'
import { type Store, walkCode } from './javascript-walk.ts'

/** The names of one file: where they are bound, where they are used, and what is put into properties. */
export interface NameTable {
  /** Every node that is code, those inside before those around them. */
  readonly nodes: readonly Node[]
  readonly parents: ReadonlyMap<Node, Node>
  readonly stores: readonly Store[]
  /** Computed keys of patterns, and what they take a part of. */
  readonly computedKeys: readonly { readonly key: Node; readonly source: ValueSource }[]
  /** The expressions that a function can give back or yield. */
  returnsOf(owner: FunctionNode): readonly Node[]
  /** Null for an identifier that is not read, as the name in a declaration. */
  resolve(identifier: Node): Resolved | null
  /** True when a name that gets a value, at this identifier, is read somewhere. */
  isRead(identifier: Node): boolean
  /** True for a function that only the calls in this file can reach. */
  isOnlyCalled(owner: FunctionNode): boolean
  /** What is assigned to a name that nothing declares, and so is one of every file. */
  implicit(name: string): readonly ValueSource[]
}

export function createNameTable(program: Node): NameTable {
  const { nodes, parents, references, assignments, stores, returns, bound: declared, computedKeys } = walkCode(program)
  const bound = new Map(declared)
  const undeclared = new Map<string, ValueSource[]>()
  for (const { identifier, scope, source } of assignments) {
    const { binding } = resolve(scope, identifier.name)
    if (binding !== null) bound.set(identifier, binding)
    if (source === null) continue
    if (binding !== null) binding.sources.push(source)
    else undeclared.set(identifier.name, [...(undeclared.get(identifier.name) ?? []), source])
  }
  const resolved = new Map<Node, Resolved>()
  const readUndeclared = new Set<string>()
  for (const [node, scope] of references) {
    if (node.type !== 'Identifier') continue
    const found = resolve(scope, node.name)
    if (found.binding !== null) {
      found.binding.isRead = true
      found.binding.isHandedOn ||= !isCallee(node, parents)
    } else readUndeclared.add(node.name)
    resolved.set(node, found)
  }
  return {
    nodes,
    parents,
    stores,
    computedKeys,
    returnsOf: (owner) => returns.get(owner) ?? [],
    resolve: (identifier) => resolved.get(identifier) ?? null,
    isRead(identifier) {
      const binding = bound.get(identifier)
      return binding?.isRead ?? (identifier.type === 'Identifier' && readUndeclared.has(identifier.name))
    },
    isOnlyCalled(owner) {
      const above = parents.get(owner)
      if (above === undefined || isCallee(owner, parents)) return above !== undefined
      const isExported =
        above.type.startsWith('Export') || parents.get(parents.get(above) ?? above)?.type.startsWith('Export')
      if (isExported) return false
      const name =
        owner.type === 'FunctionDeclaration'
          ? owner.id
          : above.type === 'VariableDeclarator' && above.init === owner
            ? above.id
            : null
      const binding = name ? bound.get(name) : undefined
      return binding !== undefined && !binding.isHandedOn
    },
    implicit: (name) => undeclared.get(name) ?? [],
  }
}

function isCallee(node: Node, parents: ReadonlyMap<Node, Node>): boolean {
  const above = parents.get(node)
  return above !== undefined && isCall(above) && above.callee === node
}
