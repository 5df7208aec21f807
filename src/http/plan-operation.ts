import {
  type DocumentNode,
  defaultFieldResolver,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import {
  abstract,
  type Complete,
  leaf,
  list,
  type OperationPlan,
  object,
  orNull,
  type PlannedField,
  required,
  type Select,
} from './complete-values.ts'
import { executeFields } from './run-plan.ts'

const introspection: readonly string[] = ['__schema', '__type']

/** Whether what is selected is the same for all variables, and nothing of it is answered in a way of its own. */
const isPlain = ({ selections }: SelectionSetNode): boolean =>
  selections.every((selection) => {
    if (selection.directives && selection.directives.length > 0) return false
    if (selection.kind === Kind.FRAGMENT_SPREAD) return true
    if (selection.kind === Kind.FIELD) {
      const isOwn = selection.alias?.value !== '__proto__' && !introspection.includes(selection.name.value)
      return isOwn && (selection.selectionSet === undefined || isPlain(selection.selectionSet))
    }
    return isPlain(selection.selectionSet)
  })

/** The document's query that is asked for; undefined where there is none, or several. */
const findQuery = (
  { definitions }: DocumentNode,
  operationName: ExecutionArgs['operationName'],
): OperationDefinitionNode | undefined => {
  const operations = definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  const [found, ...others] = operationName ? operations.filter(({ name }) => name?.value === operationName) : operations
  return found?.operation === 'query' && others.length === 0 ? found : undefined
}

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>

/** The fields that are selected on a type, by their names in the answer. */
const collect = (
  schema: GraphQLSchema,
  fragments: Fragments,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]> => {
  const collected = new Map<string, [FieldNode, ...FieldNode[]]>()
  const entered = new Set<string>()
  const applies = (condition: string | undefined): boolean => {
    if (condition === undefined || condition === type.name) return true
    const named = schema.getType(condition)
    return isAbstractType(named) && schema.isSubType(named, type)
  }
  const look = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value
        const same = collected.get(key)
        if (same) same.push(selection)
        else collected.set(key, [selection])
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (applies(selection.typeCondition?.name.value)) look(selection.selectionSet)
      } else {
        const name = selection.name.value
        const fragment = fragments[name]
        if (!fragment || entered.has(name) || !applies(fragment.typeCondition.name.value)) continue
        entered.add(name)
        look(fragment.selectionSet)
      }
    }
  }
  for (const set of sets) look(set)
  return collected
}

/**
 * Puts together once what is to be executed of a valid document. What a field is, how it is resolved and completed, and
 * what lies in it is looked up here, and not again for each object, which is most of what executing takes.
 * @returns undefined for what is not planned: mutations, subscriptions, directives, questions for the schema itself
 */
export const planOperation = (
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: ExecutionArgs['operationName'],
): OperationPlan | undefined => {
  const operation = findQuery(document, operationName)
  const rootType = schema.getQueryType()
  const named = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
  if (!operation || !rootType || ![operation, ...named].every(({ selectionSet }) => isPlain(selectionSet))) {
    return undefined
  }
  const fragments = Object.fromEntries(named.map((fragment) => [fragment.name.value, fragment]))

  const selecting = (sets: readonly SelectionSetNode[]): Select => {
    const known = new Map<GraphQLObjectType, readonly PlannedField[]>()
    return (type) => {
      const selected =
        known.get(type) ??
        [...collect(schema, fragments, type, sets)].flatMap(([key, nodes]) => planField(type, key, nodes))
      known.set(type, selected)
      return selected
    }
  }
  const planField = (
    parentType: GraphQLObjectType,
    key: string,
    nodes: readonly [FieldNode, ...FieldNode[]],
  ): PlannedField[] => {
    const [node] = nodes
    const definition = schema.getField(parentType, node.name.value)
    if (!definition) return []
    const { type, resolve = defaultFieldResolver, extensions } = definition
    const field = { key, parentType, definition, node, nodes, resolve }
    const select = selecting(nodes.flatMap(({ selectionSet }) => selectionSet ?? []))
    const completing = (of: GraphQLOutputType): Complete => {
      if (isNonNullType(of)) return required(completing(of.ofType), field)
      if (isListType(of)) return orNull(list(completing(of.ofType), of.ofType, field))
      if (isLeafType(of)) return orNull(leaf(of))
      return orNull(isObjectType(of) ? object(of, select, executeFields) : abstract(of, select, executeFields))
    }
    const bare = isNonNullType(type) ? type.ofType : type
    // Said by the schema builder of fields whose resolver it has made, and that no plugin stands before.
    const { pothosExposedField: property, pothosResolveWrapped } = extensions
    const isExposed = typeof property === 'string' && pothosResolveWrapped === false && isLeafType(bare)
    return [{ ...field, exposed: isExposed ? { property, leaf: bare } : undefined, complete: completing(type) }]
  }
  return { operation, fragments, root: selecting([operation.selectionSet])(rootType) }
}
