import { type DocumentNode, type GraphQLSchema, Kind, visit } from 'graphql'
import { type AskedOperation, measureOperation, type OperationSize } from './operation-size.ts'

interface Known {
  /** The variables that say how many of something are asked for. */
  readonly names: readonly string[]
  readonly sizes: Map<string, OperationSize>
}

// The arguments whose values make an operation larger or smaller.
const counting: readonly string[] = ['first', 'last', 'ids']

// Of one document: as many different pages as somebody asks for.
const mostSizes = 100
// A client may name an operation that is not there, at any length.
const longestKey = 1_000

const countingVariables = (document: DocumentNode): readonly string[] => {
  const names = new Set<string>()
  visit(document, {
    Argument({ name, value }) {
      if (counting.includes(name.value) && value.kind === Kind.VARIABLE) names.add(value.name.value)
    },
  })
  return [...names]
}

/** As far as the size depends on it. */
const countOf = (variables: AskedOperation['variables'], name: string): string => {
  if (!variables || !Object.hasOwn(variables, name)) return ''
  const value = variables[name]
  if (Array.isArray(value)) return `[${value.length}]`
  return typeof value === 'number' || value === null ? String(value) : 'other'
}

/** Measures operations; those of a document that is kept once for each size of its pages. */
export const createKnownSizes = (): typeof measureOperation => {
  const documents = new WeakMap<DocumentNode, Known>()
  return (schema: GraphQLSchema, document: DocumentNode, asked: AskedOperation): OperationSize => {
    const known = documents.get(document) ?? { names: countingVariables(document), sizes: new Map() }
    documents.set(document, known)
    const counts = known.names.map((name) => countOf(asked.variables, name))
    const key = [asked.operationName ?? '', ...counts].join('\n')
    const size = known.sizes.get(key) ?? measureOperation(schema, document, asked)
    if (key.length > longestKey) return size
    if (known.sizes.size >= mostSizes) known.sizes.clear()
    known.sizes.set(key, size)
    return size
  }
}
