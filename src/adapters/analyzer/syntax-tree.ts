import pythonLanguage from '@ast-grep/lang-python'
import { parse, registerDynamicLanguage, type SgNode } from '@ast-grep/napi'

/**
 * A syntax tree that crosses from native code node by node, and only where it is asked: each crossing costs
 * microseconds, and a file has far more nodes than an analysis needs. A node is made once, so identity holds.
 */
export interface SyntaxNode {
  readonly kind: string
  readonly parent: SyntaxNode | null
  /** Named children without comments. */
  readonly children: readonly SyntaxNode[]
  readonly text: string
  /** Offset of the first character in UTF-16 units. */
  readonly start: number
  /** The child in a field of the grammar, for example the `left` of an assignment. */
  field(name: string): SyntaxNode | null
  /** Every node below, in the order of the source, that the query finds in native code. */
  findAll(query: NodeQuery): readonly SyntaxNode[]
}

/** Nodes of one of the kinds, and identifiers with one of the names, which are word characters only. */
interface NodeQuery {
  readonly kinds?: readonly string[]
  readonly names?: readonly string[]
  /** Names of attributes (`path` in `os.path`), which `names` leaves out. */
  readonly attributes?: readonly string[]
  /** Also what the parser put in because the source lacks it. */
  readonly missing?: boolean
}

/**
 * Makes Python known to the parser; without it `parseSource` throws.
 * It may be called once in a process, before anything is parsed.
 */
export function registerLanguages(): void {
  registerDynamicLanguage({ python: pythonLanguage })
}

/** Parses source text; a tree always results, with error nodes where the text does not parse. */
export function parseSource(language: 'python', source: string): SyntaxNode {
  return nodeFor(parse(language, source).root(), new Map())
}

type KnownNodes = Map<number, SyntaxNode>

function nodeFor(native: SgNode, known: KnownNodes): SyntaxNode {
  const id = native.id()
  const existing = known.get(id)
  if (existing !== undefined) return existing
  const node = new LazyNode(native, known)
  known.set(id, node)
  return node
}

/** A class, since there are hundreds of thousands of these and closures would cost a multiple. */
class LazyNode implements SyntaxNode {
  readonly kind: string
  readonly #native: SgNode
  readonly #known: KnownNodes
  #parent: SyntaxNode | null | undefined
  #children: readonly SyntaxNode[] | undefined
  #text: string | undefined
  #start: number | undefined
  #fields: Map<string, SyntaxNode | null> | undefined

  constructor(native: SgNode, known: KnownNodes) {
    this.kind = String(native.kind())
    this.#native = native
    this.#known = known
  }

  get parent(): SyntaxNode | null {
    if (this.#parent === undefined) this.#parent = this.#nodeOrNull(this.#native.parent())
    return this.#parent
  }

  get children(): readonly SyntaxNode[] {
    this.#children ??= this.#native
      .namedChildren()
      .map((child) => nodeFor(child, this.#known))
      .filter((child) => child.kind !== 'comment')
    return this.#children
  }

  get text(): string {
    this.#text ??= this.#native.text()
    return this.#text
  }

  get start(): number {
    this.#start ??= this.#native.range().start.index
    return this.#start
  }

  field(name: string): SyntaxNode | null {
    this.#fields ??= new Map()
    let found = this.#fields.get(name)
    if (found === undefined) {
      found = this.#nodeOrNull(this.#native.field(name))
      this.#fields.set(name, found)
    }
    return found
  }

  findAll(query: NodeQuery): readonly SyntaxNode[] {
    return this.#native.findAll({ rule: ruleOf(query) }).map((node) => nodeFor(node, this.#known))
  }

  #nodeOrNull(native: SgNode | null): SyntaxNode | null {
    return native === null ? null : nodeFor(native, this.#known)
  }
}

const attributeName = { inside: { kind: 'attribute', field: 'attribute' } }

function oneOf(names: readonly string[]): string {
  return `^(?:${names.join('|')})$`
}

function ruleOf({ kinds = [], names = [], attributes = [], missing = false }: NodeQuery) {
  return {
    any: [
      ...kinds.map((kind) => ({ kind })),
      ...(names.length === 0 ? [] : [{ kind: 'identifier', regex: oneOf(names), not: attributeName }]),
      ...(attributes.length === 0
        ? []
        : [{ kind: 'identifier', regex: oneOf(attributes), inside: attributeName.inside }]),
      ...(missing ? [{ regex: '^$', not: { kind: 'module' } }] : []),
    ],
  }
}
