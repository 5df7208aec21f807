import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseDottedName } from './python-parser-imports.ts'
import { parseStrings } from './python-parser-strings.ts'
import {
  AS,
  ASSIGN,
  BAR,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  COMMA,
  DOT,
  FALSE,
  FLOAT,
  IF,
  INTEGER,
  MINUS,
  NAME,
  NONE,
  nameUnderscore,
  PAREN_CLOSE,
  PAREN_OPEN,
  PLUS,
  POWER,
  STAR,
  STRING,
  TEMPLATE_START,
  TRUE,
} from './python-tokens.ts'

/** The patterns of a `case`: several of them where commas are. @throws SyntaxFault */
export function parseCasePatterns(parser: Parser): PythonNode[] {
  const patterns = [parsePattern(parser)]
  const isSequence = parser.kind === COMMA
  while (parser.take(COMMA) && parser.kind !== COLON && parser.kind !== IF) patterns.push(parsePattern(parser))
  if (!isSequence && patterns[0]?.children[0]?.kind === 'splat_pattern') throw parser.fault
  return patterns
}

/** A `case_pattern` with what it consists of below it. @throws SyntaxFault */
function parsePattern(parser: Parser): PythonNode {
  const { start } = parser
  parser.enter()
  const pattern = parser.kind === STAR ? parseSplat(parser, STAR) : parseAlternatives(parser)
  parser.leave()
  return parser.node('case_pattern', start, [pattern])
}

function parseAlternatives(parser: Parser): PythonNode {
  const first = parseClosed(parser)
  let pattern = first
  if (parser.kind === BAR) {
    const parts = [first]
    while (parser.take(BAR)) parts.push(parseClosed(parser))
    pattern = parser.node('union_pattern', first.start, parts)
  }
  if (!parser.take(AS)) return pattern
  if (parser.kind !== NAME) throw parser.fault
  const name = parser.identifier()
  return parser.node('as_pattern', first.start, [pattern, name])
}

function parseSplat(parser: Parser, marker: number): PythonNode {
  const { start } = parser
  parser.expect(marker)
  if (parser.kind !== NAME) throw parser.fault
  const name = parser.nameNumber === nameUnderscore ? parser.leaf('wildcard') : parser.identifier()
  return parser.node('splat_pattern', start, [name])
}

function parseClosed(parser: Parser): PythonNode {
  switch (parser.kind) {
    case NAME:
      return parseName(parser)
    case STRING:
    case TEMPLATE_START:
      return parseStrings(parser)
    case MINUS:
    case INTEGER:
    case FLOAT:
      return parseNumber(parser)
    case NONE:
      return parser.leaf('none')
    case TRUE:
      return parser.leaf('true')
    case FALSE:
      return parser.leaf('false')
    case PAREN_OPEN:
      return parseSequence(parser, 'tuple_pattern', PAREN_CLOSE)
    case BRACKET_OPEN:
      return parseSequence(parser, 'list_pattern', BRACKET_CLOSE)
    case BRACE_OPEN:
      return parseMapping(parser)
    default:
      throw parser.fault
  }
}

function parseName(parser: Parser): PythonNode {
  const isWildcard = parser.nameNumber === nameUnderscore && parser.next !== DOT && parser.next !== PAREN_OPEN
  if (isWildcard) return parser.leaf('wildcard')
  const name = parseDottedName(parser)
  return parser.kind === PAREN_OPEN ? parseClass(parser, name) : name
}

function parseClass(parser: Parser, name: PythonNode): PythonNode {
  parser.expect(PAREN_OPEN)
  const parts = [name]
  while (parser.kind !== PAREN_CLOSE) {
    parts.push(parser.kind === NAME && parser.next === ASSIGN ? parseKeyword(parser) : parsePattern(parser))
    if (!parser.take(COMMA)) break
  }
  parser.expect(PAREN_CLOSE)
  return parser.node('class_pattern', name.start, parts)
}

function parseKeyword(parser: Parser): PythonNode {
  const name = parser.identifier()
  parser.expect(ASSIGN)
  const value = parsePattern(parser)
  const keyword = parser.node('keyword_pattern', name.start, [name, value])
  return parser.node('case_pattern', name.start, [keyword])
}

/** `-1`, `2.5` or `-1 + 2j`. */
function parseNumber(parser: Parser): PythonNode {
  const { start } = parser
  const first = parseSigned(parser)
  if (parser.kind !== PLUS && parser.kind !== MINUS) return first
  parser.at += 1
  if (parser.kind !== FLOAT && parser.kind !== INTEGER) throw parser.fault
  const second = parser.leaf('float')
  return parser.node('complex_pattern', start, [first, second])
}

function parseSigned(parser: Parser): PythonNode {
  const { start } = parser
  const isNegative = parser.take(MINUS)
  if (parser.kind !== INTEGER && parser.kind !== FLOAT) throw parser.fault
  const number = parser.leaf(parser.kind === INTEGER ? 'integer' : 'float')
  return isNegative ? parser.node('unary_operator', start, [number]) : number
}

function parseSequence(parser: Parser, kind: string, closing: number): PythonNode {
  const { start } = parser
  parser.at += 1
  const parts: PythonNode[] = []
  while (parser.kind !== closing) {
    parts.push(parsePattern(parser))
    if (!parser.take(COMMA)) break
  }
  parser.expect(closing)
  return parser.node(kind, start, parts)
}

function parseMapping(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(BRACE_OPEN)
  const parts: PythonNode[] = []
  while (parser.kind !== BRACE_CLOSE) {
    if (parser.kind === POWER) parts.push(parseSplat(parser, POWER))
    else {
      const key = parseClosed(parser)
      if (key.kind === 'dotted_name' && key.children.length === 1) throw parser.fault
      parser.expect(COLON)
      parts.push(key, parsePattern(parser))
    }
    if (!parser.take(COMMA)) break
  }
  parser.expect(BRACE_CLOSE)
  return parser.node('dict_pattern', start, parts)
}
