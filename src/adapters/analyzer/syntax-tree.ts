/** A node of a syntax tree. It is made once, so identity holds. */
export interface SyntaxNode {
  readonly kind: string
  readonly parent: SyntaxNode | null
  /** Named children without comments. */
  readonly children: readonly SyntaxNode[]
  readonly text: string
  /** Of an identifier: the name as the language reads it, which may be another spelling than the text. */
  readonly name: string
  /** Of an operation with two sides: its operator. */
  readonly operator: string
  /** Offset of the first character in UTF-16 units. */
  readonly start: number
  /** The child in a field of the grammar, for example the `left` of an assignment. */
  field(name: string): SyntaxNode | null
  /** Every node below, in the order of the source, that the query asks for. */
  findAll(query: NodeQuery): readonly SyntaxNode[]
}

/** Kinds of nodes that can be looked for. */
export type NodeKind = 'import_statement' | 'import_from_statement' | 'return_statement' | 'yield' | 'exec_statement'

/** Nodes of one of the kinds, and identifiers with one of the names. */
export interface NodeQuery {
  readonly kinds?: readonly NodeKind[]
  readonly names?: readonly string[]
  /** Names of attributes (`path` in `os.path`), which `names` leaves out. */
  readonly attributes?: readonly string[]
}
