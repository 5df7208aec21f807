import { type Binding, isConditional, isEarlier } from './python-bindings.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/**
 * Of a scope's bindings of one name, those that can still hold where the name is used in the same scope: what a later
 * one has replaced on every way to the use is gone. `isBound`: none of the ways leads around all of them.
 */
export function reaching(
  bindings: readonly Binding[],
  scope: SyntaxNode,
  use: SyntaxNode,
): { readonly bindings: readonly Binding[]; readonly isBound: boolean } {
  const earlier = bindings.filter((binding) => binding.scope === scope && isEarlier(binding, use))
  const starts = [
    ...earlier.filter((binding) => replaces(binding, use)).map(({ identifier }) => identifier.start),
    ...alternatives(earlier, scope, use).map(({ start }) => start),
  ]
  if (starts.length === 0) return { bindings, isBound: false }
  const last = Math.max(...starts)
  // What another function binds may happen at any time.
  return {
    bindings: bindings.filter((binding) => binding.scope !== scope || binding.identifier.start >= last),
    isBound: true,
  }
}

/** True when every branch of a statement that ends before the use binds the name: what was before is gone. */
export function isBoundByAlternatives(
  bindings: readonly Binding[],
  scope: SyntaxNode,
  use: SyntaxNode | null,
): boolean {
  return (
    alternatives(
      bindings.filter((binding) => binding.scope === scope),
      scope,
      use,
    ).length > 0
  )
}

/** The nearest block around the binding is one around the use too, and nothing inside it lets control pass by. */
function replaces(binding: Binding, use: SyntaxNode): boolean {
  return !isConditional(binding, use) && isBlockAround(blockOf(binding.identifier), use)
}

function blockOf(node: SyntaxNode): SyntaxNode | null {
  let above = node.parent
  while (above !== null && above.kind !== 'block' && above.kind !== 'module') above = above.parent
  return above
}

function isBlockAround(block: SyntaxNode | null, node: SyntaxNode): boolean {
  for (let above = node.parent; above !== null; above = above.parent) if (above === block) return true
  return false
}

const branching = new Set(['if_statement', 'try_statement'])

/** The `if` and `try` statements before a use, or anywhere, all of whose branches bind the name. */
function alternatives(bindings: readonly Binding[], scope: SyntaxNode, use: SyntaxNode | null): SyntaxNode[] {
  if (bindings.length < 2) return []
  const blocks = new Set(bindings.filter(isPlain).map(({ identifier }) => blockOf(identifier)))
  const statements = new Set<SyntaxNode>()
  for (const { identifier } of bindings) {
    for (let above = identifier.parent; above !== null && above !== scope; above = above.parent) {
      if (branching.has(above.kind)) statements.add(above)
    }
  }
  const binds = (block: SyntaxNode | null | undefined) => block !== null && block !== undefined && blocks.has(block)
  return [...statements].filter((statement) => {
    const around = blockOf(statement)
    const isBefore = use === null ? around === scope : isBlockAround(around, use) && !isBlockAround(statement, use)
    return isBefore && branchesOf(statement).every(binds)
  })
}

/** The binding happens whenever its block runs to its end. */
function isPlain(binding: Binding): boolean {
  const block = blockOf(binding.identifier)
  const last = block?.children.at(-1)
  return last !== undefined && !isConditional(binding, last)
}

/** Of these blocks one runs to its end whenever the statement does; null for a way without a block. */
function branchesOf(statement: SyntaxNode): (SyntaxNode | null)[] {
  const bodyOf = (node: SyntaxNode) => node.children.find(({ kind }) => kind === 'block') ?? null
  const clauses = (kind: string) => statement.children.filter((child) => child.kind === kind).map(bodyOf)
  if (statement.kind === 'try_statement') return [bodyOf(statement), ...clauses('except_clause')]
  const otherwise = clauses('else_clause')
  return [bodyOf(statement), ...clauses('elif_clause'), ...(otherwise.length === 0 ? [null] : otherwise)]
}
