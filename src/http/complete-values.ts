import {
  defaultTypeResolver,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  isNonNullType,
  isObjectType,
  locatedError,
  type OperationDefinitionNode,
} from 'graphql'

/** Where a value stands in the answer. */
export interface Path {
  readonly prev: Path | undefined
  readonly key: string | number
  readonly typename: string | undefined
}

/** One field of a selection, with all that is the same for every object that it is selected on. */
export interface PlannedField {
  /** Its name in the answer. */
  readonly key: string
  readonly parentType: GraphQLObjectType
  readonly definition: GraphQLField<unknown, unknown>
  readonly node: FieldNode
  /** That one, and those of the same name in the answer: their selections are one. */
  readonly nodes: readonly FieldNode[]
  readonly resolve: NonNullable<GraphQLField<unknown, unknown>['resolve']>
  /** Set where the field is a scalar or enum that its resolver reads of the object and no more. */
  readonly exposed: { readonly property: string; readonly leaf: GraphQLLeafType } | undefined
  readonly complete: Complete
}

/** The fields to select on an object of a type. */
export type Select = (type: GraphQLObjectType) => readonly PlannedField[]

export interface OperationPlan {
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly root: readonly PlannedField[]
}

export interface Run {
  readonly args: ExecutionArgs
  readonly plan: OperationPlan
  readonly variables: GraphQLResolveInfo['variableValues']
  readonly errors: GraphQLError[]
  /** Where null stands since something in it failed: what else fails in it is not told. */
  readonly nulled: Set<Path | undefined>
  /** Answered already: it goes on where it had begun, and nobody hears of it. */
  isOver: boolean
}

/** What a value becomes in the answer; a promise where a part of it is waited for. @throws what it fails with */
export type Complete = (run: Run, value: unknown, path: Path, info: GraphQLResolveInfo) => unknown

/** The field whose value is completed. */
type OfField = Pick<PlannedField, 'parentType' | 'definition' | 'nodes'>

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

export const nothing = (): void => {}

/** Something beside them has failed; that they may do so as well is nobody's concern. */
export const letGo = (values: readonly unknown[]): void => {
  for (const value of values) if (value instanceof Promise) value.catch(nothing)
}

const keysOf = (path: Path | undefined): (string | number)[] => {
  const keys: (string | number)[] = []
  for (let at = path; at; at = at.prev) keys.push(at.key)
  return keys.reverse()
}

const isNulled = ({ nulled }: Run, path: Path | undefined): boolean => {
  for (let at = path; at; at = at.prev) if (nulled.has(at)) return true
  return nulled.has(undefined)
}

export const note = (run: Run, error: GraphQLError, path: Path | undefined): null => {
  if (run.isOver || isNulled(run, path)) return null
  run.nulled.add(path)
  run.errors.push(error)
  return null
}

/** Null in its place, where there may be null. @throws GraphQLError otherwise */
export const fail = (
  run: Run,
  error: unknown,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
  path: Path,
): null => {
  const located = locatedError(error, nodes, keysOf(path))
  if (isNonNullType(type)) throw located
  return note(run, located, path)
}

const cannotBeNull = ({ parentType, definition }: OfField): Error =>
  new Error(`Cannot return null for non-nullable field ${parentType.name}.${definition.name}.`)

export const completeLeaf = (type: GraphQLLeafType, value: unknown): unknown => {
  let completed: unknown
  try {
    completed = type.coerceOutputValue(value)
  } catch (error) {
    // A fault of the server's and none of the client's, whose words would be told.
    throw error instanceof GraphQLError ? new Error(error.message) : error
  }
  if (completed === undefined || completed === null) throw new Error(`${type.name} has no form of what it was given.`)
  return completed
}

export const leaf =
  (type: GraphQLLeafType): Complete =>
  (_run, value) =>
    completeLeaf(type, value)

export const orNull =
  (complete: Complete): Complete =>
  (run, value, path, info) => {
    if (value instanceof Error) throw value
    return value === undefined || value === null ? null : complete(run, value, path, info)
  }

export const required =
  (complete: Complete, field: OfField): Complete =>
  (run, value, path, info) => {
    const completed = complete(run, value, path, info)
    if (completed === null) throw cannotBeNull(field)
    return completed
  }

export const list =
  (completeItem: Complete, type: GraphQLOutputType, { parentType, definition, nodes }: OfField): Complete =>
  (run, value, path, info) => {
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${parentType}.${definition.name}".`)
    }
    const later = async (item: PromiseLike<unknown>, at: Path) => {
      try {
        return await completeItem(run, await item, at, info)
      } catch (error) {
        return fail(run, error, type, nodes, at)
      }
    }
    const now = (item: unknown, at: Path): unknown => {
      if (isPromiseLike(item)) return later(item, at)
      try {
        const completed = completeItem(run, item, at, info)
        if (!(completed instanceof Promise)) return completed
        return completed.catch((error: unknown) => fail(run, error, type, nodes, at))
      } catch (error) {
        return fail(run, error, type, nodes, at)
      }
    }
    const completed: unknown[] = []
    let isComplete = true
    try {
      for (const item of value as Iterable<unknown>) {
        const done = now(item, { prev: path, key: completed.length, typename: undefined })
        completed.push(done)
        if (done instanceof Promise) isComplete = false
      }
    } catch (error) {
      letGo(completed)
      throw error
    }
    return isComplete ? completed : Promise.all(completed)
  }

/** Selects fields on an object. */
export type ExecuteFields = (run: Run, fields: readonly PlannedField[], source: unknown, path: Path) => unknown

export const object = (type: GraphQLObjectType, select: Select, executeFields: ExecuteFields): Complete => {
  const fields = select(type)
  return (run, value, path, info) => {
    if (!type.isTypeOf) return executeFields(run, fields, value, path)
    const settle = (isOfType: boolean): unknown => {
      if (!isOfType) throw new GraphQLError(`Expected value of type "${type.name}".`)
      return executeFields(run, fields, value, path)
    }
    const isOfType = type.isTypeOf(value, run.args.contextValue, info)
    return isPromiseLike(isOfType) ? Promise.resolve(isOfType).then(settle) : settle(isOfType)
  }
}

export const abstract =
  (type: GraphQLAbstractType, select: Select, executeFields: ExecuteFields): Complete =>
  (run, value, path, info) => {
    const { schema, contextValue } = run.args
    const settle = (name: string | undefined): unknown => {
      const found = name === undefined ? undefined : schema.getType(name)
      if (!isObjectType(found) || !schema.isSubType(type, found)) {
        throw new GraphQLError(`Abstract type "${type.name}" was resolved to "${name}", which is none of its types.`)
      }
      return object(found, select, executeFields)(run, value, path, info)
    }
    const name = (type.resolveType ?? defaultTypeResolver)(value, contextValue, info, type)
    return isPromiseLike(name) ? Promise.resolve(name).then(settle) : settle(name)
  }
