import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseYieldOrList } from './python-parser-expressions.ts'
import {
  ASSIGN,
  COLON,
  EXCLAMATION,
  FIELD_CLOSE,
  FIELD_OPEN,
  NAME,
  STRING,
  TEMPLATE_END,
  TEMPLATE_START,
  TEMPLATE_TEXT,
} from './python-tokens.ts'

const onlyExpression = ['expression']

/** One string, or several that stand next to each other. @throws SyntaxFault */
export function parseStrings(parser: Parser): PythonNode {
  const first = parseString(parser)
  if (!beginsString(parser.kind)) return first
  const parts = [first]
  while (beginsString(parser.kind)) parts.push(parseString(parser))
  return parser.node('concatenated_string', first.start, parts)
}

function beginsString(kind: number): boolean {
  return kind === STRING || kind === TEMPLATE_START
}

function parseString(parser: Parser): PythonNode {
  if (parser.kind === STRING) return parser.plainString()
  const { start } = parser
  const parts = [parser.leaf('string_start')]
  while (parser.kind === TEMPLATE_TEXT || parser.kind === FIELD_OPEN) {
    parts.push(parser.kind === FIELD_OPEN ? parseField(parser, 'interpolation') : parser.leaf('string_content'))
  }
  if (parser.kind !== TEMPLATE_END) throw parser.fault
  parts.push(parser.leaf('string_end'))
  return parser.node('string', start, parts)
}

function parseField(parser: Parser, kind: string): PythonNode {
  const { start } = parser
  parser.enter()
  parser.expect(FIELD_OPEN)
  const parts = [parseYieldOrList(parser)]
  parser.take(ASSIGN)
  if (parser.take(EXCLAMATION)) {
    if (parser.kind !== NAME) throw parser.fault
    parts.push(parser.leaf('type_conversion'))
  }
  if (parser.take(COLON)) parts.push(parseFormat(parser))
  parser.expect(FIELD_CLOSE)
  parser.leave()
  return parser.node(kind, start, parts, onlyExpression)
}

function parseFormat(parser: Parser): PythonNode {
  const start = parser.lastEnd
  const parts: PythonNode[] = []
  while (parser.kind === TEMPLATE_TEXT || parser.kind === FIELD_OPEN) {
    if (parser.kind === FIELD_OPEN) parts.push(parseField(parser, 'format_expression'))
    else parser.at += 1
  }
  return parser.node('format_specifier', start, parts)
}
