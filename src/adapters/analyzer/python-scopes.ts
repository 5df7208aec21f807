import type { SyntaxNode } from './syntax-tree.ts'

const comprehensions = new Set([
  'list_comprehension',
  'set_comprehension',
  'dictionary_comprehension',
  'generator_expression',
])

export function isComprehension(node: SyntaxNode): boolean {
  return comprehensions.has(node.kind)
}

/**
 * The module, class, function, lambda or comprehension in which a name that stands at this node is looked up.
 * Defaults, decorators, annotations and base classes belong to the scope around their definition, and so does
 * what a comprehension iterates over first.
 */
export function scopeOf(node: SyntaxNode): SyntaxNode {
  let inner: SyntaxNode | null = null
  let child = node
  for (let above = node.parent; above !== null; above = above.parent) {
    if (above.parent === null || opensScope(above, child, inner)) return above
    inner = child
    child = above
  }
  return child
}

function opensScope(node: SyntaxNode, child: SyntaxNode, grandchild: SyntaxNode | null): boolean {
  switch (node.kind) {
    case 'function_definition':
    case 'class_definition':
      return child.kind === 'block'
    case 'lambda':
      return child.kind !== 'lambda_parameters'
    default: {
      if (!isComprehension(node)) return false
      const isIterated = child.kind === 'for_in_clause' && grandchild !== null && grandchild !== child.field('left')
      return !(isIterated && node.children.find(({ kind }) => kind === 'for_in_clause') === child)
    }
  }
}

/** Where `:=` binds: the scope around all comprehensions that it stands in. */
export function scopeOutsideComprehensions(node: SyntaxNode): SyntaxNode {
  let scope = scopeOf(node)
  while (isComprehension(scope)) scope = scopeOf(scope)
  return scope
}
