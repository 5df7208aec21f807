import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { parseExpression, parseSplat } from './python-parser-expressions.ts'
import { ASSIGN, BRACKET_CLOSE, BRACKET_OPEN, COLON, COMMA, NAME, POWER, SLASH, STAR } from './python-tokens.ts'

const nameAndValue = ['name', 'value']
const typed = ['', 'type']
const typedAndValue = ['name', 'type', 'value']
const onlyName = ['name']

/**
 * The parameters of a function or a lambda, up to the token that ends them. The markers `*` and `/` are no children,
 * so that the place of a parameter is that of its argument. @throws SyntaxFault
 */
export function parseParameters(parser: Parser, kind: 'parameters' | 'lambda_parameters', closing: number): PythonNode {
  const { start } = parser
  const hasTypes = kind === 'parameters'
  const parameters: PythonNode[] = []
  let hasDefault = false
  let hasStar = false
  let hasSlash = false
  let isLast = false
  do {
    if (parser.kind === closing) break
    if (isLast) throw parser.fault
    if (parser.kind === SLASH) {
      if (hasSlash || hasStar || parameters.length === 0) throw parser.fault
      hasSlash = true
      parser.at += 1
    } else if (parser.kind === STAR && parser.next === COMMA) {
      const name = parser.kinds[parser.at + 2]
      if (hasStar || name !== NAME) throw parser.fault
      hasStar = true
      parser.at += 1
    } else {
      const isStar = parser.kind === STAR
      if (isStar && hasStar) throw parser.fault
      hasStar ||= isStar
      isLast = parser.kind === POWER
      const parameter = parseParameter(parser, hasTypes)
      const isGiven = parameter.kind === 'identifier' || parameter.kind === 'typed_parameter'
      if (!isGiven) hasDefault ||= !isStar && !isLast
      else if (hasDefault && !hasStar && !isLast) throw parser.fault
      parameters.push(parameter)
    }
  } while (parser.take(COMMA))
  return parser.node(kind, start, parameters)
}

function parseParameter(parser: Parser, hasTypes: boolean): PythonNode {
  const { start, kind } = parser
  if (kind === STAR || kind === POWER) {
    parser.at += 1
    const name = parseName(parser)
    const splat = parser.node(kind === STAR ? 'list_splat_pattern' : 'dictionary_splat_pattern', start, [name])
    if (!hasTypes || !parser.take(COLON)) return splat
    const type = parseType(parser)
    return parser.node('typed_parameter', start, [splat, type], typed)
  }
  const name = parseName(parser)
  const type = hasTypes && parser.take(COLON) ? parseType(parser) : null
  if (!parser.take(ASSIGN)) return type === null ? name : parser.node('typed_parameter', start, [name, type], typed)
  const value = parseExpression(parser)
  return type === null
    ? parser.node('default_parameter', start, [name, value], nameAndValue)
    : parser.node('typed_default_parameter', start, [name, type, value], typedAndValue)
}

function parseName(parser: Parser): PythonNode {
  if (parser.kind !== NAME) throw parser.fault
  return parser.identifier()
}

/** An annotation. @throws SyntaxFault */
export function parseType(parser: Parser): PythonNode {
  const { start } = parser
  const expression = parser.kind === STAR ? parseSplat(parser) : parseExpression(parser)
  return parser.node('type', start, [expression])
}

/** `[T: bound = default, *Ts, **P]`, if it stands here. @throws SyntaxFault */
export function parseTypeParameters(parser: Parser): PythonNode | null {
  if (parser.kind !== BRACKET_OPEN) return null
  const { start } = parser
  parser.at += 1
  const parameters: PythonNode[] = []
  do {
    if (parser.kind === BRACKET_CLOSE && parameters.length > 0) break
    parameters.push(parseTypeParameter(parser))
  } while (parser.take(COMMA))
  parser.expect(BRACKET_CLOSE)
  return parser.node('type_parameters', start, parameters)
}

function parseTypeParameter(parser: Parser): PythonNode {
  const { start, kind } = parser
  if (kind === STAR || kind === POWER) parser.at += 1
  const parts = [parseName(parser)]
  if (parser.kind === COLON && kind === NAME) {
    parser.at += 1
    parts.push(parseType(parser))
  }
  if (parser.take(ASSIGN)) parts.push(parseType(parser))
  return parser.node('type_parameter', start, parts, onlyName)
}
