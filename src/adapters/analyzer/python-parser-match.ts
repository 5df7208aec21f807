import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { closeBlock, guarded, openBlock, parseSuite } from './python-parser-blocks.ts'
import { parseElement, parseNamedExpression } from './python-parser-expressions.ts'
import { parseCasePatterns } from './python-parser-patterns.ts'
import { COLON, COMMA, DEDENT, END, IF, INDENT, NAME, NEWLINE, nameCase } from './python-tokens.ts'

/** A `match` statement whose word was seen to be one. @throws SyntaxFault when its head is no Python */
export function parseMatch(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const parts = [parseElement(parser)]
  const isTuple = parser.kind === COMMA
  while (parser.take(COMMA) && parser.kind !== COLON) parts.push(parseElement(parser))
  if (!isTuple && parts[0]?.kind === 'list_splat') throw parser.fault
  parser.expect(COLON)
  parser.expect(NEWLINE)
  parser.expect(INDENT)
  const block = openBlock(parser)
  while (parser.kind !== DEDENT && parser.kind !== END) {
    const clause = guarded(parser, () => parseCase(parser))
    clause.parent = block
    block.statements?.push(clause)
  }
  parser.take(DEDENT)
  parts.push(closeBlock(parser, block))
  const fields = parts.map((_, index) => (index === parts.length - 1 ? 'body' : 'subject'))
  return parser.node('match_statement', start, parts, fields)
}

function parseCase(parser: Parser): PythonNode {
  const { start } = parser
  if (parser.kind !== NAME || parser.nameNumber !== nameCase) throw parser.fault
  parser.at += 1
  const parts = parseCasePatterns(parser)
  if (parser.kind === IF) parts.push(parseGuard(parser))
  parts.push(parseSuite(parser))
  return parser.node('case_clause', start, parts)
}

function parseGuard(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(IF)
  const condition = parseNamedExpression(parser)
  return parser.node('if_clause', start, [condition])
}
