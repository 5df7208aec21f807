import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import {
  beginsExpression,
  parseBitwiseOr,
  parseExpression,
  parseExpressionList,
  parseYieldOrList,
} from './python-parser-expressions.ts'
import { parseImport, parseImportFrom } from './python-parser-imports.ts'
import { parseType, parseTypeParameters } from './python-parser-parameters.ts'
import { asTarget, checkSingleTarget } from './python-parser-targets.ts'
import {
  ASSERT,
  ASSIGN,
  BRACKET_OPEN,
  BREAK,
  COLON,
  COMMA,
  CONTINUE,
  DEL,
  FROM,
  GLOBAL,
  IMPORT,
  IN,
  kindSet,
  NAME,
  NONLOCAL,
  nameExec,
  namePrint,
  nameType,
  PASS,
  RAISE,
  RETURN,
} from './python-tokens.ts'

const leftAndRight = ['left', 'right']
const leftAndType = ['left', 'type']
const leftTypeAndRight = ['left', 'type', 'right']
const cause = ['', 'cause']
const aliasFields = ['name', '']

const augmented = kindSet(['+=', '-=', '*=', '/=', '%=', '@=', '&=', '|=', '^=', '<<=', '>>=', '**=', '//='])
/** What cannot follow a name in an expression: `print` and `exec` before it are statements of Python 2. */
const operandsOnly = kindSet([
  'name',
  'integer',
  'float',
  'string',
  'template start',
  'None',
  'True',
  'False',
  'lambda',
])

/** A statement that has no block. @throws SyntaxFault */
export function parseSimpleStatement(parser: Parser): PythonNode {
  switch (parser.kind) {
    case RETURN:
      return parseReturn(parser)
    case IMPORT:
      return parseImport(parser)
    case FROM:
      return parseImportFrom(parser)
    case PASS:
      return parser.leaf('pass_statement')
    case BREAK:
      return parser.leaf('break_statement')
    case CONTINUE:
      return parser.leaf('continue_statement')
    case RAISE:
      return parseRaise(parser)
    case DEL:
      return parseDelete(parser)
    case ASSERT:
      return parseAssert(parser)
    case GLOBAL:
      return parseDeclaration(parser, 'global_statement')
    case NONLOCAL:
      return parseDeclaration(parser, 'nonlocal_statement')
    case NAME:
      if (parser.nameNumber === nameType && parser.next === NAME && isAlias(parser)) return parseTypeAlias(parser)
      if (parser.nameNumber === namePrint && operandsOnly[parser.next] === 1) return parsePrint(parser)
      if (parser.nameNumber === nameExec && operandsOnly[parser.next] === 1) return parseExec(parser)
      return parseExpressionStatement(parser)
    default:
      return parseExpressionStatement(parser)
  }
}

function parseExpressionStatement(parser: Parser): PythonNode {
  const { start } = parser
  const first = parseYieldOrList(parser)
  if (parser.kind === ASSIGN) return parser.node('expression_statement', start, [parseAssignment(parser, first)])
  if (parser.kind === COLON) return parser.node('expression_statement', start, [parseAnnotated(parser, first)])
  if (augmented[parser.kind] === 1) {
    checkSingleTarget(parser, first)
    parser.at += 1
    const value = parseYieldOrList(parser)
    const assignment = parser.node('augmented_assignment', start, [first, value], leftAndRight)
    return parser.node('expression_statement', start, [assignment])
  }
  return parser.node('expression_statement', start, first.kind === 'expression_list' ? first.children : [first])
}

/** `a = b = value` is an assignment to `a` of an assignment to `b`. */
function parseAssignment(parser: Parser, first: PythonNode): PythonNode {
  const targets: PythonNode[] = []
  let value = first
  while (parser.take(ASSIGN)) {
    targets.push(asTarget(parser, value))
    parser.checkChain(targets.length)
    value = parseYieldOrList(parser)
  }
  for (const target of targets.reverse()) {
    value = parser.node('assignment', target.start, [target, value], leftAndRight)
  }
  return value
}

function parseAnnotated(parser: Parser, target: PythonNode): PythonNode {
  checkSingleTarget(parser, target)
  parser.expect(COLON)
  const type = parseType(parser)
  if (!parser.take(ASSIGN)) return parser.node('assignment', target.start, [target, type], leftAndType)
  const value = parseYieldOrList(parser)
  return parser.node('assignment', target.start, [target, type, value], leftTypeAndRight)
}

function parseReturn(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.at += 1
  const parts = isLineEnd(parser) ? [] : [parseExpressionList(parser)]
  const node = parser.node('return_statement', start, parts)
  parser.tree.place(at, node)
  return node
}

/** Python 2 wrote `raise kind, value`. */
function parseRaise(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  if (isLineEnd(parser)) return parser.node('raise_statement', start, [])
  const raised = parseExpressionList(parser)
  if (!parser.take(FROM)) return parser.node('raise_statement', start, [raised])
  const from = parseExpression(parser)
  return parser.node('raise_statement', start, [raised, from], cause)
}

function parseDelete(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const deleted = parseExpressionList(parser)
  const target = deleted.kind === 'tuple' && deleted.children.length === 0 ? deleted : asTarget(parser, deleted)
  return parser.node('delete_statement', start, [target])
}

function parseAssert(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const parts = [parseExpression(parser)]
  if (parser.take(COMMA)) parts.push(parseExpression(parser))
  return parser.node('assert_statement', start, parts)
}

function parseDeclaration(parser: Parser, kind: string): PythonNode {
  const { start } = parser
  parser.at += 1
  const names: PythonNode[] = []
  do {
    if (parser.kind !== NAME) throw parser.fault
    names.push(parser.identifier())
  } while (parser.take(COMMA))
  return parser.node(kind, start, names)
}

function isAlias(parser: Parser): boolean {
  const kind = parser.kinds[parser.at + 2]
  return kind === ASSIGN || kind === BRACKET_OPEN
}

function parseTypeAlias(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const name = parser.identifier()
  const parameters = parseTypeParameters(parser)
  parser.expect(ASSIGN)
  const type = parseType(parser)
  const parts = parameters === null ? [name, type] : [name, parameters, type]
  return parser.node('type_alias_statement', start, parts, aliasFields)
}

function parsePrint(parser: Parser): PythonNode {
  const { start } = parser
  parser.at += 1
  const printed: PythonNode[] = []
  do {
    if (!beginsExpression(parser.kind)) break
    printed.push(parseExpression(parser))
  } while (parser.take(COMMA))
  return parser.node('print_statement', start, printed)
}

function parseExec(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.at += 1
  const parts = [parseBitwiseOr(parser)]
  if (parser.take(IN)) {
    do parts.push(parseExpression(parser))
    while (parser.take(COMMA))
  }
  const node = parser.node('exec_statement', start, parts)
  parser.tree.place(at, node)
  return node
}

function isLineEnd(parser: Parser): boolean {
  return endsStatement[parser.kind] === 1
}

const endsStatement = kindSet(['newline', ';', 'end'])
