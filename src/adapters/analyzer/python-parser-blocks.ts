import { PythonNode } from './python-node.ts'
import { noFields, type Parser, SyntaxFault } from './python-parser.ts'
import { parseCompound } from './python-parser-compound.ts'
import { parseSimpleStatement } from './python-parser-simple.ts'
import {
  COLON,
  DEDENT,
  DOT,
  END,
  INDENT,
  kindSet,
  NAME,
  NEWLINE,
  nameCase,
  nameMatch,
  SEMICOLON,
} from './python-tokens.ts'

const beginsCompound = kindSet([
  ...(['if', 'while', 'for', 'try', 'with', 'def', 'class', 'async', '@'] as const),
  ...(['elif', 'else', 'except', 'finally'] as const),
])

/** Reads statements into a block until it ends; lines of simple statements are only noted. */
export function readStatements(parser: Parser, block: PythonNode): void {
  const statements = block.statements ?? []
  for (;;) {
    switch (parser.kind) {
      case END:
      case DEDENT:
        return
      case NEWLINE:
        parser.at += 1
        break
      case INDENT:
        statements.push(readMisplacedBlock(parser, block))
        break
      default:
        if (beginsCompound[parser.kind] === 1 || isMatch(parser)) {
          const statement = guarded(parser, () => parseCompound(parser))
          statement.parent = block
          statements.push(statement)
        } else {
          statements.push(parser.tree.addLine(parser.at, block))
          skipLine(parser)
        }
    }
  }
}

/** What follows the head of a compound statement: a block, or statements on the same line. @throws SyntaxFault */
export function parseSuite(parser: Parser): PythonNode {
  parser.expect(COLON)
  if (parser.kind !== NEWLINE) {
    const block = openBlock(parser)
    if (beginsCompound[parser.kind] === 1) throw parser.fault
    block.statements?.push(parser.tree.addLine(parser.at, block))
    skipLine(parser)
    return closeBlock(parser, block)
  }
  parser.at += 1
  parser.expect(INDENT)
  return parseIndented(parser)
}

/** The statements of one line. Where one is no Python, the rest of the line becomes a node of the kind ERROR. */
export function readLine(parser: Parser, token: number): readonly PythonNode[] {
  const statements: PythonNode[] = []
  parser.reset(token)
  do {
    if (parser.kind === NEWLINE || parser.kind === END) {
      if (statements.length > 0) break
    }
    const { at } = parser
    try {
      statements.push(parseSimpleStatement(parser))
      if (parser.kind !== SEMICOLON && parser.kind !== NEWLINE && parser.kind !== END) throw parser.fault
    } catch (fault) {
      noteFault(parser, fault)
      if (statements.at(-1)?.start === parser.list.starts[at]) statements.pop()
      statements.push(faultyLine(parser, at))
      break
    }
  } while (parser.take(SEMICOLON))
  return statements
}

/**
 * Parses a part of a statement that has a line and may have a block of its own. When it is no Python, it becomes a node
 * of the kind ERROR with the names on the line, and the block below it.
 */
export function guarded(parser: Parser, parse: () => PythonNode): PythonNode {
  const { at } = parser
  try {
    return parse()
  } catch (fault) {
    noteFault(parser, fault)
    const line = faultyLine(parser, at)
    skipLine(parser)
    if (!parser.take(INDENT)) return line
    const parts = [...line.children, parseIndented(parser)]
    return new PythonNode(parser.tree, 'ERROR', line.start, parser.lastEnd, parts, noFields, -1, null)
  }
}

/** The statements of a block whose indentation was just stepped over, and the end of it. */
export function parseIndented(parser: Parser): PythonNode {
  const block = openBlock(parser)
  readStatements(parser, block)
  parser.take(DEDENT)
  return closeBlock(parser, block)
}

export function openBlock(parser: Parser): PythonNode {
  return new PythonNode(parser.tree, 'block', parser.start, 0, null, noFields, parser.at, [])
}

export function closeBlock(parser: Parser, block: PythonNode): PythonNode {
  block.end = parser.lastEnd
  return block
}

function readMisplacedBlock(parser: Parser, around: PythonNode): PythonNode {
  const { start } = parser
  parser.tree.addFault(start)
  parser.at += 1
  const block = parseIndented(parser)
  const node = new PythonNode(parser.tree, 'ERROR', start, block.end, [block], noFields, -1, null)
  node.parent = around
  return node
}

/** `match` begins a statement only where a block of `case` follows the line. */
function isMatch(parser: Parser): boolean {
  if (parser.kind !== NAME || parser.nameNumber !== nameMatch) return false
  const { kinds, list } = parser
  const end = lineEnd(parser, parser.at)
  return (
    kinds[end - 1] === COLON && kinds[end + 1] === INDENT && kinds[end + 2] === NAME && list.names[end + 2] === nameCase
  )
}

function skipLine(parser: Parser): void {
  const end = lineEnd(parser, parser.at)
  parser.at = parser.kinds[end] === NEWLINE ? end + 1 : end
}

function lineEnd(parser: Parser, from: number): number {
  const { kinds } = parser
  let end = from
  while (kinds[end] !== NEWLINE && kinds[end] !== END) end += 1
  return end
}

function noteFault(parser: Parser, fault: unknown): void {
  // Whoever calls may have left less of the stack than the deepest expression takes.
  if (!(fault instanceof SyntaxFault || fault instanceof RangeError)) throw fault
  parser.tree.addFault(parser.start)
}

/** The names of a line that is no Python, with their attributes: what it might do can still be told from them. */
function faultyLine(parser: Parser, token: number): PythonNode {
  const end = lineEnd(parser, token)
  const start = parser.list.starts[token] as number
  const parts: PythonNode[] = []
  parser.reset(token)
  while (parser.at < end) {
    if (parser.kind !== NAME) {
      parser.at += 1
      continue
    }
    let node = parser.identifier()
    for (let links = 0; links < 1_000 && parser.kind === DOT && parser.next === NAME; links += 1) {
      parser.at += 1
      const attribute = parser.identifier()
      node = parser.node('attribute', node.start, [node, attribute], objectAndAttribute)
    }
    parts.push(node)
  }
  return parser.node('ERROR', start, parts)
}

const objectAndAttribute = ['object', 'attribute']
