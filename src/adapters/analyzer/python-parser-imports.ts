import type { PythonNode } from './python-node.ts'
import type { Parser } from './python-parser.ts'
import { AS, COMMA, DOT, ELLIPSIS, FROM, IMPORT, NAME, PAREN_CLOSE, PAREN_OPEN, STAR } from './python-tokens.ts'

const nameAndAlias = ['name', 'alias']
const onlyModule = ['module_name']

/** @throws SyntaxFault */
export function parseImport(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.expect(IMPORT)
  const imported: PythonNode[] = []
  do imported.push(parseAliased(parser, parseDottedName))
  while (parser.take(COMMA))
  const node = parser.node('import_statement', start, imported)
  parser.tree.place(at, node)
  return node
}

/** @throws SyntaxFault */
export function parseImportFrom(parser: Parser): PythonNode {
  const { start, at } = parser
  parser.expect(FROM)
  const module = parser.kind === NAME ? parseDottedName(parser) : parseRelative(parser)
  parser.expect(IMPORT)
  const parts = [module]
  if (parser.kind === STAR) parts.push(parser.leaf('wildcard_import'))
  else if (parser.take(PAREN_OPEN)) {
    do {
      if (parser.kind === PAREN_CLOSE && parts.length > 1) break
      parts.push(parseAliased(parser, parseSingleName))
    } while (parser.take(COMMA))
    parser.expect(PAREN_CLOSE)
  } else {
    do parts.push(parseAliased(parser, parseSingleName))
    while (parser.take(COMMA))
  }
  if (module.text === '__future__') return parser.node('future_import_statement', start, parts)
  const node = parser.node('import_from_statement', start, parts, onlyModule)
  parser.tree.place(at, node)
  return node
}

function parseRelative(parser: Parser): PythonNode {
  const { start, at } = parser
  while (parser.kind === DOT || parser.kind === ELLIPSIS) parser.at += 1
  if (parser.at === at) throw parser.fault
  return parser.node('relative_import', start, parser.kind === NAME ? [parseDottedName(parser)] : [])
}

function parseAliased(parser: Parser, parseName: (parser: Parser) => PythonNode): PythonNode {
  const name = parseName(parser)
  if (!parser.take(AS)) return name
  if (parser.kind !== NAME) throw parser.fault
  const alias = parser.identifier()
  return parser.node('aliased_import', name.start, [name, alias], nameAndAlias)
}

function parseSingleName(parser: Parser): PythonNode {
  const { start, kind } = parser
  if (kind !== NAME) throw parser.fault
  const name = parser.identifier()
  return parser.node('dotted_name', start, [name])
}

/** @throws SyntaxFault */
export function parseDottedName(parser: Parser): PythonNode {
  const { start } = parser
  const names: PythonNode[] = []
  do {
    if (parser.kind !== NAME) throw parser.fault
    names.push(parser.identifier())
  } while (parser.take(DOT))
  return parser.node('dotted_name', start, names)
}
