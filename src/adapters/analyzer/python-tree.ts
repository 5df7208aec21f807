import { PythonNode } from './python-node.ts'
import type { TokenList } from './python-token-list.ts'
import { DOT, FROM, IMPORT, NAME, nameExec, RETURN, YIELD } from './python-tokens.ts'
import type { NodeKind, NodeQuery } from './syntax-tree.ts'

/** Reads the statements of the line that begins at a token, as parts of a block. */
type ReadLine = (token: number, block: PythonNode) => readonly PythonNode[]

/** The token by which nodes of a kind are found. */
const tellingTokens: Readonly<Record<NodeKind, number>> = {
  import_statement: IMPORT,
  import_from_statement: FROM,
  return_statement: RETURN,
  yield: YIELD,
  exec_statement: NAME,
}

const nothing: readonly PythonNode[] = []
const noFields: readonly string[] = []

/**
 * The tree of one source. Its blocks and the heads of their statements are read at once; a line of simple
 * statements is read when somebody wants what stands in it, since most of a source is never looked at.
 */
export class PythonTree {
  readonly list: TokenList
  readonly root: PythonNode
  /** False while lines are read only to see whether they are legal. */
  isKept = true
  readonly #nodes: (PythonNode | undefined)[]
  readonly #faults = new Set<number>()
  readonly #lineTokens: number[] = []
  readonly #lineBlocks: PythonNode[] = []
  readonly #lines: (readonly PythonNode[] | null)[] = []
  #readLine: ReadLine = () => nothing

  constructor(list: TokenList) {
    this.list = list
    this.#nodes = new Array(list.count)
    this.root = new PythonNode(this, 'module', 0, list.text.length, null, noFields, 0, [])
  }

  /** Offsets where what was read so far is not Python, in order. */
  get faults(): readonly number[] {
    return [...this.#faults].sort((a, b) => a - b)
  }

  addFault(offset: number): void {
    this.#faults.add(offset)
  }

  /** Says how lines are read; without it they have no statements. */
  readLinesBy(readLine: ReadLine): void {
    this.#readLine = readLine
  }

  /** Notes that a node is found by this token. */
  place(token: number, node: PythonNode): void {
    if (this.isKept) this.#nodes[token] = node
  }

  /** Notes a line to be read later; returns its number. Lines come in the order of the source. */
  addLine(token: number, block: PythonNode): number {
    this.#lineTokens.push(token)
    this.#lineBlocks.push(block)
    return this.#lines.push(null) - 1
  }

  /** Reads what was not read yet for its faults only, line by line, and keeps none of it. */
  check(): void {
    this.isKept = false
    for (let line = 0; line < this.#lines.length; line += 1) {
      if (this.#lines[line] === null)
        this.#readLine(this.#lineTokens[line] as number, this.#lineBlocks[line] as PythonNode)
    }
    this.isKept = true
  }

  /** The children of a node whose parts are not made yet. */
  partsOf(node: PythonNode): readonly PythonNode[] {
    if (node.statements !== null) {
      return node.statements.flatMap((item) => (typeof item === 'number' ? this.#statementsOf(item) : item))
    }
    return node.kind === 'string' ? stringParts(node) : nothing
  }

  /** Every node inside a node, in the order of the source, that the query asks for. */
  findAll(within: PythonNode, { kinds = [], names = [], attributes = [] }: NodeQuery): readonly PythonNode[] {
    const { list } = this
    const wanted = new Uint8Array(list.identifiers.count)
    for (const name of names) for (const id of list.identifiers.numbersOf(name)) wanted[id] = 1
    for (const name of attributes)
      for (const id of list.identifiers.numbersOf(name)) wanted[id] = (wanted[id] as number) | 2
    const telling = new Uint8Array(256)
    for (const kind of kinds) telling[tellingTokens[kind]] = 1
    if (names.length + attributes.length > 0) telling[NAME] = 1
    const wantsExec = kinds.includes('exec_statement')

    const found: PythonNode[] = []
    const { kinds: tokens, names: written } = list
    const last = within === this.root ? list.count : list.indexAt(within.end)
    for (let token = within === this.root ? 0 : list.indexAt(within.start); token < last; token += 1) {
      const kind = tokens[token] as number
      if (telling[kind] === 0) continue
      if (kind === NAME) {
        const name = written[token] as number
        const wish = wanted[name] as number
        const isWanted = wish === 3 || (wish !== 0 && (tokens[token - 1] === DOT) === (wish === 2))
        if (!isWanted && !(wantsExec && name === nameExec)) continue
      }
      const node = this.#nodeAt(token)
      if (node === undefined) continue
      if (node.kind === 'identifier' ? wanted[written[token] as number] !== 0 : isOneOf(kinds, node.kind))
        found.push(node)
    }
    return found
  }

  #nodeAt(token: number): PythonNode | undefined {
    const node = this.#nodes[token]
    if (node !== undefined) return node
    const line = this.#lineOf(token)
    if (line === -1 || this.#lines[line] !== null) return undefined
    this.#statementsOf(line)
    return this.#nodes[token]
  }

  #statementsOf(line: number): readonly PythonNode[] {
    let statements = this.#lines[line] ?? null
    if (statements === null) {
      const block = this.#lineBlocks[line] as PythonNode
      statements = this.#readLine(this.#lineTokens[line] as number, block)
      for (const statement of statements) statement.parent = block
      this.#lines[line] = statements
    }
    return statements
  }

  /** The last line that begins at the token or before it; -1 for none. */
  #lineOf(token: number): number {
    let low = 0
    let high = this.#lineTokens.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lineTokens[middle] as number) <= token) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

function isOneOf(kinds: readonly string[], kind: string): boolean {
  return kinds.includes(kind)
}

/** The parts of a string without fields: the quotes, and what is between them. */
function stringParts(node: PythonNode): readonly PythonNode[] {
  const { tree, text, start, end } = node
  const opening = /^[a-zA-Z]*(?:'''|"""|'|")/.exec(text)?.[0].length ?? 0
  const quotes = /(?:'''|""")$/.test(text.slice(0, opening)) ? 3 : 1
  const part = (kind: string, from: number, to: number) =>
    new PythonNode(tree, kind, from, to, nothing, noFields, -1, null)
  const parts = [part('string_start', start, start + opening)]
  if (end - quotes > start + opening) parts.push(part('string_content', start + opening, end - quotes))
  parts.push(part('string_end', end - quotes, end))
  for (const made of parts) made.parent = node
  return parts
}
