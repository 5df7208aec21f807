import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import {
  parseBitwiseOr,
  parseDisjunction,
  parseElement,
  parseExpression,
  parseLambda,
  parseTargetList,
  parseYield,
} from './python-parser-expressions.ts'
import { asTarget } from './python-parser-targets.ts'
import {
  ASYNC,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  COMMA,
  FOR,
  IF,
  IN,
  LAMBDA,
  PAREN_CLOSE,
  PAREN_OPEN,
  POWER,
  YIELD,
} from './python-tokens.ts'

const onlyBody = ['body']
const leftAndRight = ['left', 'right']
const keyAndValue = ['key', 'value']

/** What stands in brackets of its own: a tuple, list, set, dictionary, comprehension, or one expression. @throws SyntaxFault */
export function parseDisplay(parser: Parser): PythonNode {
  if (parser.kind === PAREN_OPEN) return parseParentheses(parser)
  return parser.kind === BRACKET_OPEN ? parseBrackets(parser) : parseBraces(parser)
}

export function beginsComprehension(parser: Parser): boolean {
  return parser.kind === FOR || (parser.kind === ASYNC && parser.next === FOR)
}

/** The `for` and `if` of a comprehension. @throws SyntaxFault */
export function parseClauses(parser: Parser): PythonNode[] {
  const clauses: PythonNode[] = []
  while (parser.kind === IF || beginsComprehension(parser)) {
    const { start } = parser
    if (parser.take(IF)) {
      const condition = parser.kind === LAMBDA ? parseLambda(parser, parseDisjunction) : parseDisjunction(parser)
      clauses.push(parser.node('if_clause', start, [condition]))
      continue
    }
    parser.take(ASYNC)
    parser.expect(FOR)
    const left = asTarget(parser, parseTargetList(parser))
    parser.expect(IN)
    const right = parseDisjunction(parser)
    clauses.push(parser.node('for_in_clause', start, [left, right], leftAndRight))
  }
  return clauses
}

function parseParentheses(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(PAREN_OPEN)
  if (parser.take(PAREN_CLOSE)) return parser.node('tuple', start, [])
  if (parser.kind === YIELD) {
    const value = parseYield(parser)
    parser.expect(PAREN_CLOSE)
    return parser.node('parenthesized_expression', start, [value])
  }
  const first = parseElement(parser)
  if (beginsComprehension(parser)) return parseComprehension(parser, 'generator_expression', start, first, PAREN_CLOSE)
  if (parser.take(PAREN_CLOSE)) {
    if (first.kind === 'list_splat') throw parser.fault
    return parser.node('parenthesized_expression', start, [first])
  }
  return parser.node('tuple', start, parseRest(parser, first, PAREN_CLOSE, parseElement))
}

function parseBrackets(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(BRACKET_OPEN)
  if (parser.take(BRACKET_CLOSE)) return parser.node('list', start, [])
  const first = parseElement(parser)
  if (beginsComprehension(parser)) return parseComprehension(parser, 'list_comprehension', start, first, BRACKET_CLOSE)
  return parser.node('list', start, parseRest(parser, first, BRACKET_CLOSE, parseElement))
}

function parseBraces(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(BRACE_OPEN)
  if (parser.take(BRACE_CLOSE)) return parser.node('dictionary', start, [])
  if (parser.kind === POWER) {
    const first = parsePair(parser)
    return parser.node('dictionary', start, parseRest(parser, first, BRACE_CLOSE, parsePair))
  }
  const first = parseElement(parser)
  if (parser.kind !== COLON) {
    if (beginsComprehension(parser)) return parseComprehension(parser, 'set_comprehension', start, first, BRACE_CLOSE)
    return parser.node('set', start, parseRest(parser, first, BRACE_CLOSE, parseElement))
  }
  const pair = pairOf(parser, first)
  if (beginsComprehension(parser)) {
    return parseComprehension(parser, 'dictionary_comprehension', start, pair, BRACE_CLOSE)
  }
  return parser.node('dictionary', start, parseRest(parser, pair, BRACE_CLOSE, parsePair))
}

function parseComprehension(
  parser: Parser,
  kind: string,
  start: number,
  body: PythonNode,
  closing: number,
): PythonNode {
  if (body.kind === 'list_splat') throw parser.fault
  const parts = [body, ...parseClauses(parser)]
  parser.expect(closing)
  return parser.node(kind, start, parts, onlyBody)
}

function parseRest(
  parser: Parser,
  first: PythonNode,
  closing: number,
  parseOne: (parser: Parser) => PythonNode,
): PythonNode[] {
  const parts = [first]
  while (parser.take(COMMA) && parser.kind !== closing) parts.push(parseOne(parser))
  parser.expect(closing)
  return parts
}

function parsePair(parser: Parser): PythonNode {
  const { start } = parser
  if (!parser.take(POWER)) return pairOf(parser, parseExpression(parser))
  const value = parseBitwiseOr(parser)
  return parser.node('dictionary_splat', start, [value])
}

function pairOf(parser: Parser, key: PythonNode): PythonNode {
  if (key.kind === 'list_splat' || key.kind === 'named_expression') throw parser.fault
  parser.expect(COLON)
  const value = parseExpression(parser)
  return parser.node('pair', key.start, [key, value], keyAndValue)
}
