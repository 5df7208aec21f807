import { kindTexts } from './python-tokens.ts'
import type { PythonTree } from './python-tree.ts'
import type { NodeQuery, SyntaxNode } from './syntax-tree.ts'

/** One node of the tree. A class, since there are hundreds of thousands of these, all of one shape. */
export class PythonNode implements SyntaxNode {
  kind: string
  parent: PythonNode | null = null
  readonly tree: PythonTree
  readonly start: number
  end: number
  /** What the parts are called, in their order; an empty name for those that have none. */
  readonly fields: readonly string[]
  /** The token of an identifier's name or of an operator; the first token of a block; else -1. */
  readonly token: number
  /** Of a block: its statements, and the numbers of lines that were not read yet; else null. */
  readonly statements: (PythonNode | number)[] | null
  /** Null where the parts are made when they are asked for. */
  #parts: readonly PythonNode[] | null

  constructor(
    tree: PythonTree,
    kind: string,
    start: number,
    end: number,
    parts: readonly PythonNode[] | null,
    fields: readonly string[],
    token: number,
    statements: (PythonNode | number)[] | null,
  ) {
    this.tree = tree
    this.kind = kind
    this.start = start
    this.end = end
    this.fields = fields
    this.token = token
    this.statements = statements
    this.#parts = parts
    if (parts === null) return
    for (let index = 0; index < parts.length; index += 1) (parts[index] as PythonNode).parent = this
  }

  get children(): readonly PythonNode[] {
    if (this.#parts === null) this.#parts = this.tree.partsOf(this)
    return this.#parts
  }

  get text(): string {
    return this.tree.list.text.slice(this.start, this.end)
  }

  get name(): string {
    const { identifiers, names } = this.tree.list
    return identifiers.read(names[this.token] as number)
  }

  get operator(): string {
    return kindTexts[this.tree.list.kinds[this.token] as number] ?? ''
  }

  field(name: string): PythonNode | null {
    const index = this.fields.indexOf(name)
    return index === -1 ? null : (this.children[index] ?? null)
  }

  findAll(query: NodeQuery): readonly PythonNode[] {
    return this.tree.findAll(this, query)
  }
}
