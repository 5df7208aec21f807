import {
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'
import { defaultPageSize, maxPageSize } from '../schema/pages.ts'
import { assumedListSize, weightOf } from '../schema/weight.ts'

/** How large an operation is, with every fragment at every place where it is used. */
export interface OperationSize {
  /** How many fields lie inside each other. */
  readonly depth: number
  readonly aliases: number
  /** How many fields the largest answer has, the heavy ones by their weight. */
  readonly cost: number
  /** How often it asks for what the schema says of itself, or for parts of that under other names. */
  readonly introspections: number
}

/** The operation of a document that is asked for, and with what. */
export interface AskedOperation {
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

/** Where a selection stands. */
interface Place {
  /** Undefined in what the schema says of itself, and where the document is not valid: nothing is multiplied there. */
  readonly type: GraphQLNamedType | undefined
  /** How many entries the lists of a connection have. */
  readonly page: number | undefined
}

const nothing: OperationSize = { depth: 0, aliases: 0, cost: 0, introspections: 0 }
const introspectionFields: readonly string[] = ['__schema', '__type']

const beside = (a: OperationSize, b: OperationSize): OperationSize => ({
  depth: Math.max(a.depth, b.depth),
  aliases: a.aliases + b.aliases,
  cost: a.cost + b.cost,
  introspections: a.introspections + b.introspections,
})

const isList = (type: GraphQLOutputType): boolean => isListType(isNonNullType(type) ? type.ofType : type)

const fieldOf = (type: GraphQLNamedType | undefined, name: string): GraphQLField<unknown, unknown> | undefined =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined

/**
 * Measures one operation in time that grows with the document alone: each fragment is measured once. The document need
 * not be valid. `@skip` and `@include` are taken to leave everything in, and variables that are missing to ask for most.
 * @throws RangeError for one that is nested thousands deep
 */
export const measureOperation = (
  schema: GraphQLSchema,
  document: DocumentNode,
  { operationName, variables }: AskedOperation,
): OperationSize => {
  const operation = getOperationAST(document, operationName)
  if (!operation) return nothing
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  )
  const measured = new Map<string, OperationSize>()

  /** What an argument is sent with; undefined when that is not known. */
  const valueIn = (node: ValueNode): unknown => {
    if (node.kind === Kind.INT) return Number(node.value)
    if (node.kind === Kind.NULL) return null
    if (node.kind === Kind.LIST) return node.values
    if (node.kind !== Kind.VARIABLE) return undefined
    const name = node.name.value
    if (variables && Object.hasOwn(variables, name)) return variables[name]
    const definition = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)
    return definition?.defaultValue ? valueIn(definition.defaultValue) : null
  }
  const argument = (field: FieldNode, name: string): unknown => {
    const node = field.arguments?.find((each) => each.name.value === name)
    return node ? valueIn(node.value) : null
  }

  /** Larger pages are refused, so that none is answered. */
  const pageSize = (field: FieldNode): number => {
    const sizes = [argument(field, 'first'), argument(field, 'last')].filter((size) => size !== null)
    if (sizes.length === 0) return defaultPageSize
    return Math.max(
      ...sizes.map((size) => (typeof size === 'number' && size >= 0 && size < maxPageSize ? size : maxPageSize)),
    )
  }
  const listSize = (field: FieldNode, expected: number): number => {
    const ids = argument(field, 'ids')
    return Array.isArray(ids) ? ids.length : expected
  }

  const measureField = (field: FieldNode, { type, page }: Place): OperationSize => {
    const aliases = field.alias && field.alias.value !== field.name.value ? 1 : 0
    const definition = fieldOf(type, field.name.value)
    const { cost = 1, entries: expected = assumedListSize } = weightOf(definition)
    if (!field.selectionSet) return { depth: 1, aliases, cost, introspections: 0 }
    const inner = measureSelections(field.selectionSet, {
      type: definition && getNamedType(definition.type),
      page: definition?.args.some(({ name }) => name === 'first') ? pageSize(field) : undefined,
    })
    const entries = definition && isList(definition.type) ? listSize(field, page ?? expected) : 1
    const isIntrospection = introspectionFields.includes(field.name.value)
    return {
      // What the schema says of itself is deep by its nature, and bounded by a validation rule of its own.
      depth: isIntrospection ? 1 : 1 + inner.depth,
      aliases: aliases + inner.aliases,
      cost: cost + entries * inner.cost,
      introspections: inner.introspections + (isIntrospection ? 1 + inner.aliases : 0),
    }
  }
  const measureFragment = (name: string, place: Place): OperationSize => {
    const fragment = fragments.get(name)
    if (!fragment) return nothing
    const key = `${name} ${place.type === undefined ? 'unknown' : place.page}`
    const known = measured.get(key)
    if (known) return known
    // One that contains itself is refused by validation.
    measured.set(key, nothing)
    const type = place.type && schema.getType(fragment.typeCondition.name.value)
    const size = measureSelections(fragment.selectionSet, { ...place, type })
    measured.set(key, size)
    return size
  }
  const measureSelections = ({ selections }: SelectionSetNode, place: Place): OperationSize =>
    selections.reduce((sum, node) => {
      if (node.kind === Kind.FIELD) return beside(sum, measureField(node, place))
      if (node.kind === Kind.FRAGMENT_SPREAD) return beside(sum, measureFragment(node.name.value, place))
      const condition = node.typeCondition?.name.value
      const type = place.type && condition !== undefined ? schema.getType(condition) : place.type
      return beside(sum, measureSelections(node.selectionSet, { ...place, type }))
    }, nothing)

  const root = schema.getRootType(operation.operation)
  return measureSelections(operation.selectionSet, { type: root ?? undefined, page: undefined })
}
