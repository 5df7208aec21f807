import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parsePrimary } from './python-parser-atoms.ts'
import { parseParameters } from './python-parser-parameters.ts'
import {
  AWAIT,
  COLON,
  COMMA,
  ELSE,
  FROM,
  IF,
  IN,
  IS,
  kindLevels,
  kindSet,
  LAMBDA,
  MINUS,
  NAME,
  NOT,
  PLUS,
  POWER,
  STAR,
  TILDE,
  WALRUS,
  YIELD,
} from './python-tokens.ts'

/** How tightly binary operators bind. */
const levels = kindLevels([
  ['or'],
  ['and'],
  [],
  ['<', '>', '==', '!=', '<>', '<=', '>=', 'in', 'is', 'not'],
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '//', '%', '@'],
])
const negation = 3
const comparison = 4
const bitwiseOr = 5

const firstOfExpression = kindSet([
  ...(['name', 'integer', 'float', 'string', 'template start', '(', '[', '{', '...', '-', '+', '~'] as const),
  ...(['not', 'lambda', 'await', 'None', 'True', 'False'] as const),
])

const operands = ['left', 'right']
const argument = ['argument']
const nameAndValue = ['name', 'value']
const parametersAndBody = ['parameters', 'body']
const onlyBody = ['body']

export function beginsExpression(kind: number): boolean {
  return firstOfExpression[kind] === 1
}

/** An expression without `:=`, `*` and commas. @throws SyntaxFault */
export function parseExpression(parser: Parser): PythonNode {
  if (parser.kind === LAMBDA) return parseLambda(parser, parseExpression)
  const first = parseBinary(parser, 1)
  return parser.kind === IF ? parseConditional(parser, first) : first
}

/** `a if b else c if d else e ...` is nested to the right, and as long as anybody likes. */
function parseConditional(parser: Parser, first: PythonNode): PythonNode {
  const choices: { value: PythonNode; condition: PythonNode }[] = []
  let value = first
  while (parser.take(IF)) {
    const condition = parseDisjunction(parser)
    parser.expect(ELSE)
    choices.push({ value, condition })
    parser.checkChain(choices.length)
    value = parser.kind === LAMBDA ? parseLambda(parser, parseExpression) : parseBinary(parser, 1)
  }
  for (const choice of choices.reverse()) {
    const parts = [choice.value, choice.condition, value]
    value = parser.node('conditional_expression', choice.value.start, parts)
  }
  return value
}

/** An expression of operators: no `lambda`, no `if` and `else`. @throws SyntaxFault */
export function parseDisjunction(parser: Parser): PythonNode {
  return parseBinary(parser, 1)
}

/** What may be the target of a loop, or stand behind a `*`. @throws SyntaxFault */
export function parseBitwiseOr(parser: Parser): PythonNode {
  return parseBinary(parser, bitwiseOr)
}

/** An expression that may be `name := value`. @throws SyntaxFault */
export function parseNamedExpression(parser: Parser): PythonNode {
  if (parser.kind !== NAME || parser.next !== WALRUS) return parseExpression(parser)
  const name = parser.identifier()
  parser.at += 1
  const value = parseExpression(parser)
  return parser.node('named_expression', name.start, [name, value], nameAndValue)
}

/** An element of a display: `*all`, or an expression that may be named. @throws SyntaxFault */
export function parseElement(parser: Parser): PythonNode {
  return parser.kind === STAR ? parseSplat(parser) : parseNamedExpression(parser)
}

/** @throws SyntaxFault */
export function parseSplat(parser: Parser): PythonNode {
  const { start } = parser
  parser.expect(STAR)
  const value = parseBitwiseOr(parser)
  return parser.node('list_splat', start, [value])
}

/** One or several expressions with commas between them: an `expression_list`, if there is a comma. @throws SyntaxFault */
export function parseExpressionList(parser: Parser): PythonNode {
  return parseList(parser, parseStarred)
}

/** The same for what stands before `in`. @throws SyntaxFault */
export function parseTargetList(parser: Parser): PythonNode {
  return parseList(parser, parseStarredTarget)
}

/** `yield`, or a list of expressions. @throws SyntaxFault */
export function parseYieldOrList(parser: Parser): PythonNode {
  return parser.kind === YIELD ? parseYield(parser) : parseExpressionList(parser)
}

function parseList(parser: Parser, parseOne: (parser: Parser) => PythonNode): PythonNode {
  const first = parseOne(parser)
  if (parser.kind !== COMMA) return first
  const parts = [first]
  while (parser.take(COMMA) && (beginsExpression(parser.kind) || parser.kind === STAR)) parts.push(parseOne(parser))
  return parser.node('expression_list', first.start, parts)
}

function parseStarred(parser: Parser): PythonNode {
  return parser.kind === STAR ? parseSplat(parser) : parseExpression(parser)
}

function parseStarredTarget(parser: Parser): PythonNode {
  return parser.kind === STAR ? parseSplat(parser) : parseBitwiseOr(parser)
}

/** @throws SyntaxFault */
export function parseYield(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.expect(YIELD)
  const parts: PythonNode[] = []
  if (parser.take(FROM)) parts.push(parseExpression(parser))
  else if (beginsExpression(parser.kind) || parser.kind === STAR) parts.push(parseExpressionList(parser))
  const node = parser.node('yield', start, parts)
  parser.tree.place(at, node)
  return node
}

/** @throws SyntaxFault */
export function parseLambda(parser: Parser, parseBody: (parser: Parser) => PythonNode): PythonNode {
  const { start } = parser
  parser.enter()
  parser.expect(LAMBDA)
  const parameters = parser.kind === COLON ? null : parseParameters(parser, 'lambda_parameters', COLON)
  parser.expect(COLON)
  const body = parseBody(parser)
  parser.leave()
  return parameters === null
    ? parser.node('lambda', start, [body], onlyBody)
    : parser.node('lambda', start, [parameters, body], parametersAndBody)
}

function parseBinary(parser: Parser, lowest: number): PythonNode {
  let left = parseUnary(parser, lowest)
  for (let links = 0; ; links += 1) {
    const { kind, at } = parser
    const level = levels[kind] as number
    if (level < lowest || level === 0 || (kind === NOT && parser.next !== IN)) return left
    parser.checkChain(links)
    if (level === comparison) left = parseComparison(parser, left)
    else {
      parser.at += 1
      const right = parseBinary(parser, level + 1)
      left = parser.node(
        level < comparison ? 'boolean_operator' : 'binary_operator',
        left.start,
        [left, right],
        operands,
        at,
      )
    }
  }
}

function parseComparison(parser: Parser, first: PythonNode): PythonNode {
  const parts = [first]
  while (levels[parser.kind] === comparison) {
    const { kind } = parser
    if (kind === NOT && parser.next !== IN) break
    parser.at += kind === NOT || (kind === IS && parser.next === NOT) ? 2 : 1
    parts.push(parseBinary(parser, comparison + 1))
  }
  return parser.node('comparison_operator', first.start, parts)
}

function parseUnary(parser: Parser, lowest: number): PythonNode {
  if (parser.kind !== NOT) return parseFactor(parser)
  if (lowest > negation) throw parser.fault
  const first = parser.at
  while (parser.take(NOT)) parser.checkChain(parser.at - first)
  let operators = parser.at - first
  let node = parseBinary(parser, negation + 1)
  for (; operators > 0; operators -= 1) {
    node = parser.node('not_operator', parser.list.starts[first + operators - 1] as number, [node], argument)
  }
  return node
}

function parseFactor(parser: Parser): PythonNode {
  const first = parser.at
  while (isSign(parser.kind)) {
    parser.at += 1
    parser.checkChain(parser.at - first)
  }
  let operators = parser.at - first
  let node = parsePower(parser)
  for (; operators > 0; operators -= 1) {
    const token = first + operators - 1
    node = parser.node('unary_operator', parser.list.starts[token] as number, [node], argument, token)
  }
  return node
}

function isSign(kind: number): boolean {
  return kind === MINUS || kind === PLUS || kind === TILDE
}

function parsePower(parser: Parser): PythonNode {
  const { start } = parser
  let base: PythonNode
  if (parser.take(AWAIT)) {
    const awaited = parsePrimary(parser)
    base = parser.node('await', start, [awaited])
  } else base = parsePrimary(parser)
  if (parser.kind !== POWER) return base
  const operator = parser.at
  parser.enter()
  parser.at += 1
  const exponent = parseFactor(parser)
  parser.leave()
  return parser.node('binary_operator', start, [base, exponent], operands, operator)
}
