import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { beginsComprehension, parseClauses } from './python-parser-displays.ts'
import { parseExpression, parseNamedExpression } from './python-parser-expressions.ts'
import { ASSIGN, COMMA, NAME, PAREN_CLOSE, PAREN_OPEN, POWER, STAR } from './python-tokens.ts'

const nameAndValue = ['name', 'value']
const onlyBody = ['body']

/** Behind a keyword only `*` may follow, behind `**` only keywords. */
const orders: Readonly<Record<string, number>> = { keyword_argument: 1, dictionary_splat: 2 }
const latest: Readonly<Record<string, number>> = { list_splat: 1, keyword_argument: 2, dictionary_splat: 2 }

/** The arguments of a call, or the bases of a class: an `argument_list`, or the one generator that needs no list. @throws SyntaxFault */
export function parseArguments(parser: Parser): PythonNode {
  const { start } = parser
  parser.enter()
  parser.expect(PAREN_OPEN)
  const given: PythonNode[] = []
  let order = 0
  while (parser.kind !== PAREN_CLOSE) {
    const argument = parseArgument(parser)
    given.push(argument)
    if (order > (latest[argument.kind] ?? 0)) throw parser.fault
    order = Math.max(order, orders[argument.kind] ?? 0)
    if (given.length === 1 && beginsComprehension(parser)) {
      const parts = [...given, ...parseClauses(parser)]
      parser.expect(PAREN_CLOSE)
      parser.leave()
      return parser.node('generator_expression', start, parts, onlyBody)
    }
    if (!parser.take(COMMA)) break
  }
  parser.expect(PAREN_CLOSE)
  parser.leave()
  return parser.node('argument_list', start, given)
}

function parseArgument(parser: Parser): PythonNode {
  const { kind, start } = parser
  if (kind === NAME && parser.next === ASSIGN) {
    const name = parser.identifier()
    parser.at += 1
    const value = parseExpression(parser)
    return parser.node('keyword_argument', start, [name, value], nameAndValue)
  }
  if (kind === STAR || kind === POWER) {
    parser.at += 1
    const value = parseExpression(parser)
    return parser.node(kind === STAR ? 'list_splat' : 'dictionary_splat', start, [value])
  }
  return parseNamedExpression(parser)
}
