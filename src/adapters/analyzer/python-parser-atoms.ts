import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseArguments } from './python-parser-arguments.ts'
import { parseDisplay } from './python-parser-displays.ts'
import { beginsExpression, parseElement, parseExpression } from './python-parser-expressions.ts'
import { parseStrings } from './python-parser-strings.ts'
import {
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  COMMA,
  DOT,
  ELLIPSIS,
  FALSE,
  FLOAT,
  INTEGER,
  NAME,
  NONE,
  PAREN_OPEN,
  STRING,
  TEMPLATE_START,
  TRUE,
} from './python-tokens.ts'

const objectAndAttribute = ['object', 'attribute']
const functionAndArguments = ['function', 'arguments']
const valueAndSubscript = ['value', 'subscript']

/** An atom with the attributes, calls and subscripts that follow it. @throws SyntaxFault */
export function parsePrimary(parser: Parser): PythonNode {
  let node = parseAtom(parser)
  for (let links = 0; ; links += 1) {
    parser.checkChain(links)
    switch (parser.kind) {
      case DOT: {
        parser.at += 1
        if (parser.kind !== NAME) throw parser.fault
        const attribute = parser.identifier()
        node = parser.node('attribute', node.start, [node, attribute], objectAndAttribute)
        break
      }
      case PAREN_OPEN: {
        const given = parseArguments(parser)
        node = parser.node('call', node.start, [node, given], functionAndArguments)
        break
      }
      case BRACKET_OPEN:
        node = parseSubscript(parser, node)
        break
      default:
        return node
    }
  }
}

function parseAtom(parser: Parser): PythonNode {
  switch (parser.kind) {
    case NAME:
      return parser.identifier()
    case STRING:
    case TEMPLATE_START:
      return parseStrings(parser)
    case INTEGER:
      return parser.leaf('integer')
    case FLOAT:
      return parser.leaf('float')
    case PAREN_OPEN:
    case BRACKET_OPEN:
    case BRACE_OPEN: {
      parser.enter()
      const display = parseDisplay(parser)
      parser.leave()
      return display
    }
    case NONE:
      return parser.leaf('none')
    case TRUE:
      return parser.leaf('true')
    case FALSE:
      return parser.leaf('false')
    case ELLIPSIS:
      return parser.leaf('ellipsis')
    default:
      throw parser.fault
  }
}

function parseSubscript(parser: Parser, value: PythonNode): PythonNode {
  parser.enter()
  parser.expect(BRACKET_OPEN)
  const parts = [value]
  do {
    if (parser.kind === BRACKET_CLOSE && parts.length > 1) break
    parts.push(parseSlice(parser))
  } while (parser.take(COMMA))
  parser.expect(BRACKET_CLOSE)
  parser.leave()
  return parser.node('subscript', value.start, parts, valueAndSubscript)
}

function parseSlice(parser: Parser): PythonNode {
  const { start } = parser
  const parts: PythonNode[] = []
  if (parser.kind !== COLON) {
    const first = parseElement(parser)
    if (parser.kind !== COLON || first.kind === 'list_splat') return first
    parts.push(first)
  }
  parser.expect(COLON)
  if (beginsExpression(parser.kind)) parts.push(parseExpression(parser))
  if (parser.take(COLON) && beginsExpression(parser.kind)) parts.push(parseExpression(parser))
  return parser.node('slice', start, parts)
}
