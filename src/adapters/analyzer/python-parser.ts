import { PythonNode } from './python-node.ts'
import type { TokenList } from './python-token-list.ts'
import { FAULT } from './python-tokens.ts'
import type { PythonTree } from './python-tree.ts'

/** Nested expressions beyond this are not read; CPython itself refuses 200 brackets in each other. */
const deepest = 250
/** What may follow each other in one chain: `a.b.c...`, `1 + 2 + ...`. */
const longestChain = 10_000

const noParts: readonly PythonNode[] = []
export const noFields: readonly string[] = []

/** Thrown where the source is no Python, and caught where a statement begins. */
export class SyntaxFault extends Error {
  override name = 'SyntaxFault'
}

/** A place in a list of tokens, and the tree that is made from it. The grammar is in the functions around it. */
export class Parser {
  readonly tree: PythonTree
  readonly list: TokenList
  readonly kinds: Uint8Array
  /** The token that is looked at. */
  at = 0
  #fault: SyntaxFault | null = null
  #depth = 0

  constructor(tree: PythonTree) {
    this.tree = tree
    this.list = tree.list
    this.kinds = tree.list.kinds
  }

  /** The one fault of this parser: making an error costs more than reading a line. */
  get fault(): SyntaxFault {
    this.#fault ??= new SyntaxFault('invalid syntax')
    return this.#fault
  }

  get kind(): number {
    return this.kinds[this.at] as number
  }

  get next(): number {
    return this.kinds[this.at + 1] ?? FAULT
  }

  /** The number of the name that is looked at. */
  get nameNumber(): number {
    return this.list.names[this.at] as number
  }

  get start(): number {
    return this.list.starts[this.at] as number
  }

  /** Where the token before this one ended. */
  get lastEnd(): number {
    return this.list.ends[this.at - 1] as number
  }

  /** Steps over a token of the kind, if there is one. */
  take(kind: number): boolean {
    if (this.kinds[this.at] !== kind) return false
    this.at += 1
    return true
  }

  /** @throws SyntaxFault when another kind of token stands here */
  expect(kind: number): void {
    if (this.kinds[this.at] !== kind) throw this.fault
    this.at += 1
  }

  /** @throws SyntaxFault when expressions are nested too deep */
  enter(): void {
    this.#depth += 1
    if (this.#depth > deepest) throw this.fault
  }

  leave(): void {
    this.#depth -= 1
  }

  /** @throws SyntaxFault when a chain has become too long */
  checkChain(links: number): void {
    if (links > longestChain) throw this.fault
  }

  /** Forgets how deep it was, after a fault. */
  reset(at: number): void {
    this.at = at
    this.#depth = 0
  }

  /** A node that ends with the last token. */
  node(kind: string, start: number, parts: readonly PythonNode[], fields = noFields, token = -1): PythonNode {
    return new PythonNode(this.tree, kind, start, this.lastEnd, parts, fields, token, null)
  }

  /** A node of the token that is looked at, which is stepped over. */
  leaf(kind: string): PythonNode {
    const { list, at } = this
    this.at = at + 1
    return new PythonNode(
      this.tree,
      kind,
      list.starts[at] as number,
      list.ends[at] as number,
      noParts,
      noFields,
      at,
      null,
    )
  }

  /** The same for an identifier, which can then be found by its name. */
  identifier(): PythonNode {
    const token = this.at
    const node = this.leaf('identifier')
    this.tree.place(token, node)
    return node
  }

  /** A string without fields; its parts are made when they are asked for. */
  plainString(): PythonNode {
    const { list, at } = this
    this.at = at + 1
    return new PythonNode(
      this.tree,
      'string',
      list.starts[at] as number,
      list.ends[at] as number,
      null,
      noFields,
      at,
      null,
    )
  }
}
