import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseSuite } from './python-parser-blocks.ts'
import { parseBitwiseOr, parseExpression } from './python-parser-expressions.ts'
import { asTarget } from './python-parser-targets.ts'
import { AS, COMMA, kindSet, NEWLINE, PAREN_CLOSE, PAREN_OPEN, WITH } from './python-tokens.ts'

const opens = kindSet(['(', '[', '{', 'field open'])
const closes = kindSet([')', ']', '}', 'field close'])

/** @throws SyntaxFault when its head is no Python */
export function parseWith(parser: Parser, start: number): PythonNode {
  parser.expect(WITH)
  const clause = parseClause(parser)
  const block = parseSuite(parser)
  return parser.node('with_statement', start, [clause, block], ['', 'body'])
}

function parseClause(parser: Parser): PythonNode {
  const { start } = parser
  const items: PythonNode[] = []
  if (parser.kind === PAREN_OPEN && isGroup(parser)) {
    parser.at += 1
    do {
      if (parser.kind === PAREN_CLOSE && items.length > 0) break
      items.push(parseItem(parser))
    } while (parser.take(COMMA))
    parser.expect(PAREN_CLOSE)
  } else {
    do items.push(parseItem(parser))
    while (parser.take(COMMA))
  }
  return parser.node('with_clause', start, items)
}

function parseItem(parser: Parser): PythonNode {
  const { start } = parser
  const value = parseExpression(parser)
  if (!parser.take(AS)) return parser.node('with_item', start, [value])
  const { start: targetStart } = parser
  const written = asTarget(parser, parseBitwiseOr(parser))
  const target = parser.node('as_pattern_target', targetStart, [written])
  const pattern = parser.node('as_pattern', start, [value, target])
  return parser.node('with_item', start, [pattern])
}

/** True when the brackets are around the items, and not part of the first one: there is an `as` just inside them. */
function isGroup(parser: Parser): boolean {
  const { kinds } = parser
  let depth = 0
  for (let token = parser.at; kinds[token] !== NEWLINE && token < kinds.length; token += 1) {
    const kind = kinds[token] as number
    if (opens[kind] === 1) depth += 1
    else if (closes[kind] === 1) depth -= 1
    else if (depth === 1 && kind === AS) return true
    if (depth === 0) return false
  }
  return false
}
