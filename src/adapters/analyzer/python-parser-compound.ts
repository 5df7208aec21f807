import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseArguments } from './python-parser-arguments.ts'
import { guarded, parseSuite } from './python-parser-blocks.ts'
import {
  parseExpression,
  parseExpressionList,
  parseNamedExpression,
  parseTargetList,
} from './python-parser-expressions.ts'
import { parseMatch } from './python-parser-match.ts'
import { parseParameters, parseTypeParameters } from './python-parser-parameters.ts'
import { asTarget } from './python-parser-targets.ts'
import { parseWith } from './python-parser-with.ts'
import {
  ARROW,
  AS,
  ASYNC,
  AT,
  CLASS,
  COLON,
  COMMA,
  DEF,
  ELIF,
  ELSE,
  EXCEPT,
  FINALLY,
  FOR,
  IF,
  IN,
  NAME,
  NEWLINE,
  PAREN_CLOSE,
  PAREN_OPEN,
  STAR,
  TRY,
  WHILE,
  WITH,
} from './python-tokens.ts'

/** A statement with a block. @throws SyntaxFault when its head is no Python */
export function parseCompound(parser: Parser): PythonNode {
  switch (parser.kind) {
    case IF:
      return parseIf(parser)
    case FOR:
      return parseFor(parser, parser.start)
    case DEF:
      return parseFunction(parser, parser.start)
    case CLASS:
      return parseClass(parser)
    case WITH:
      return parseWith(parser, parser.start)
    case TRY:
      return parseTry(parser)
    case WHILE:
      return parseWhile(parser)
    case AT:
      return parseDecorated(parser)
    case ASYNC:
      return parseAsync(parser)
    case NAME:
      return parseMatch(parser)
    default:
      throw parser.fault
  }
}

function parseAsync(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(ASYNC)
  if (parser.kind === DEF) return parseFunction(parser, start)
  if (parser.kind === FOR) return parseFor(parser, start)
  if (parser.kind === WITH) return parseWith(parser, start)
  throw parser.fault
}

function parseIf(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const condition = parseNamedExpression(parser)
  const parts = [condition, parseSuite(parser)]
  const fields = ['condition', 'consequence']
  while (parser.kind === ELIF) {
    parts.push(guarded(parser, () => parseElif(parser)))
    fields.push('alternative')
  }
  return finished(parser, 'if_statement', start, parts, fields)
}

function parseElif(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const condition = parseNamedExpression(parser)
  const block = parseSuite(parser)
  return parser.node('elif_clause', start, [condition, block], ['condition', 'consequence'])
}

function parseWhile(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const condition = parseNamedExpression(parser)
  const block = parseSuite(parser)
  return finished(parser, 'while_statement', start, [condition, block], ['condition', 'body'])
}

function parseFor(parser: Parser, start: number): PythonNode {
  parser.expect(FOR)
  const left = asTarget(parser, parseTargetList(parser))
  parser.expect(IN)
  const right = parseExpressionList(parser)
  const block = parseSuite(parser)
  return finished(parser, 'for_statement', start, [left, right, block], ['left', 'right', 'body'])
}

/** The statement, with the `else` that may follow. */
function finished(parser: Parser, kind: string, start: number, parts: PythonNode[], fields: string[]): PythonNode {
  if (parser.kind === ELSE) {
    parts.push(guarded(parser, () => parseBlockClause(parser, 'else_clause')))
    fields.push('alternative')
  }
  return parser.node(kind, start, parts, fields)
}

function parseBlockClause(parser: Parser, kind: string): PythonNode {
  const { start } = parser
  parser.at += 1
  const block = parseSuite(parser)
  return parser.node(kind, start, [block], ['body'])
}

function parseTry(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.at += 1
  const parts = [parseSuite(parser)]
  while (parser.kind === EXCEPT) parts.push(guarded(parser, () => parseExcept(parser)))
  const hasExcept = parts.length > 1
  if (parser.kind === ELSE && hasExcept) parts.push(guarded(parser, () => parseBlockClause(parser, 'else_clause')))
  if (parser.kind === FINALLY) parts.push(guarded(parser, () => parseBlockClause(parser, 'finally_clause')))
  if (parts.length === 1) parser.tree.addFault(parser.list.starts[at] as number)
  return parser.node('try_statement', start, parts, ['body'])
}

/** Also `except A, B`, which names two kinds since Python 3.14. */
function parseExcept(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const kind = parser.take(STAR) ? 'except_group_clause' : 'except_clause'
  const parts: PythonNode[] = []
  if (parser.kind !== COLON) {
    const value = parseExpression(parser)
    if (parser.kind === AS) parts.push(parseAsName(parser, value))
    else {
      parts.push(value)
      while (parser.take(COMMA) && parser.kind !== COLON) parts.push(parseExpression(parser))
    }
  }
  parts.push(parseSuite(parser))
  return parser.node(kind, start, parts)
}

function parseAsName(parser: Parser, value: PythonNode): PythonNode {
  parser.expect(AS)
  if (parser.kind !== NAME) throw parser.fault
  const { start } = parser
  const name = parser.identifier()
  const target = parser.node('as_pattern_target', start, [name])
  return parser.node('as_pattern', value.start, [value, target])
}

function parseFunction(parser: Parser, start: number): PythonNode {
  parser.expect(DEF)
  if (parser.kind !== NAME) throw parser.fault
  const parts = [parser.identifier()]
  const fields = ['name']
  const typeParameters = parseTypeParameters(parser)
  if (typeParameters !== null) add(typeParameters, 'type_parameters')
  add(parseParameterList(parser), 'parameters')
  if (parser.take(ARROW)) add(parseReturnType(parser), 'return_type')
  add(parseSuite(parser), 'body')
  return parser.node('function_definition', start, parts, fields)

  function add(part: PythonNode, field: string): void {
    parts.push(part)
    fields.push(field)
  }
}

function parseParameterList(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(PAREN_OPEN)
  const parameters = parseParameters(parser, 'parameters', PAREN_CLOSE)
  parser.expect(PAREN_CLOSE)
  return parser.node('parameters', start, parameters.children)
}

function parseReturnType(parser: Parser): PythonNode {
  const { start } = parser
  const type = parseExpression(parser)
  return parser.node('type', start, [type])
}

function parseClass(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  if (parser.kind !== NAME) throw parser.fault
  const parts = [parser.identifier()]
  const fields = ['name']
  const typeParameters = parseTypeParameters(parser)
  if (typeParameters !== null) {
    parts.push(typeParameters)
    fields.push('type_parameters')
  }
  if (parser.kind === PAREN_OPEN) {
    parts.push(parseArguments(parser))
    fields.push('superclasses')
  }
  parts.push(parseSuite(parser))
  fields.push('body')
  return parser.node('class_definition', start, parts, fields)
}

/** Each decorator, and what they decorate, is guarded by itself: a fault in one must not have the others read again. */
function parseDecorated(parser: Parser): PythonNode {
  const { start } = parser
  const parts: PythonNode[] = []
  const fields: string[] = []
  while (parser.kind === AT) {
    parts.push(guarded(parser, () => parseDecorator(parser)))
    fields.push('')
  }
  if (parser.kind !== DEF && parser.kind !== CLASS && parser.kind !== ASYNC) {
    parser.tree.addFault(parser.start)
    return parser.node('ERROR', start, parts)
  }
  parts.push(guarded(parser, () => parseDefinition(parser)))
  fields.push('definition')
  return parser.node('decorated_definition', start, parts, fields)
}

function parseDefinition(parser: Parser): PythonNode {
  return parser.kind === CLASS ? parseClass(parser) : parseAsyncOrFunction(parser)
}

function parseAsyncOrFunction(parser: Parser): PythonNode {
  const { start } = parser
  parser.take(ASYNC)
  return parseFunction(parser, start)
}

function parseDecorator(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(AT)
  const value = parseNamedExpression(parser)
  const node = parser.node('decorator', start, [value])
  parser.expect(NEWLINE)
  return node
}
