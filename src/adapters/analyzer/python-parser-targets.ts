import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'

const patterns: Readonly<Record<string, string>> = {
  expression_list: 'pattern_list',
  tuple: 'tuple_pattern',
  list: 'list_pattern',
  list_splat: 'list_splat_pattern',
}

const single = new Set(['identifier', 'attribute', 'subscript'])

/**
 * Makes of what was read as an expression what can be assigned to.
 * @throws SyntaxFault when nothing can be assigned to it
 */
export function asTarget(parser: Parser, node: PythonNode): PythonNode {
  if (single.has(node.kind)) return node
  if (node.kind !== 'parenthesized_expression') {
    const pattern = patterns[node.kind]
    if (pattern === undefined) throw parser.fault
    node.kind = pattern
  }
  for (const part of node.children) asTarget(parser, part)
  return node
}

/** @throws SyntaxFault unless it is one name, attribute or item */
export function checkSingleTarget(parser: Parser, node: PythonNode): void {
  let inner = node
  while (inner.kind === 'parenthesized_expression') inner = inner.children[0] ?? inner
  if (!single.has(inner.kind)) throw parser.fault
}
