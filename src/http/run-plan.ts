import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLResolveInfo,
  getArgumentValues,
  isNonNullType,
  locatedError,
} from 'graphql'
import {
  completeLeaf,
  fail,
  isPromiseLike,
  letGo,
  note,
  nothing,
  type OperationPlan,
  type Path,
  type PlannedField,
  type Run,
} from './complete-values.ts'

// What a resolver may ask for that starts work beside its own; none here does.
const getAbortSignal = (): undefined => undefined
const getAsyncHelpers: GraphQLResolveInfo['getAsyncHelpers'] = () => ({
  promiseAll: (values) => Promise.all(values),
  track: nothing,
})

const executeField = (run: Run, field: PlannedField, source: unknown, prev: Path | undefined): unknown => {
  const { definition, node, nodes, parentType, exposed } = field
  const path: Path = { prev, key: field.key, typename: parentType.name }
  try {
    if (exposed) {
      const value = (source as Readonly<Record<string, unknown>>)[exposed.property]
      // The usual text or number; whatever else it may be is looked at below.
      if (typeof value !== 'object' && value !== undefined) return completeLeaf(exposed.leaf, value)
      if (value === null && !isNonNullType(definition.type)) return null
    }
    const { args, plan } = run
    const info: GraphQLResolveInfo = {
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path,
      schema: args.schema,
      fragments: plan.fragments,
      rootValue: args.rootValue,
      operation: plan.operation,
      variableValues: run.variables,
      getAbortSignal,
      getAsyncHelpers,
    }
    const given = definition.args.length > 0 ? getArgumentValues(definition, node, run.variables) : {}
    const value = field.resolve(source, given, args.contextValue, info)
    if (isPromiseLike(value)) return settle(run, field, value, path, info)
    const completed = field.complete(run, value, path, info)
    if (!(completed instanceof Promise)) return completed
    return completed.catch((error: unknown) => fail(run, error, definition.type, nodes, path))
  } catch (error) {
    return fail(run, error, definition.type, nodes, path)
  }
}

const settle = async (
  run: Run,
  { complete, definition, nodes }: PlannedField,
  value: PromiseLike<unknown>,
  path: Path,
  info: GraphQLResolveInfo,
): Promise<unknown> => {
  try {
    return await complete(run, await value, path, info)
  } catch (error) {
    return fail(run, error, definition.type, nodes, path)
  }
}

/** @throws GraphQLError for a field that may not be null and failed */
export const executeFields = (
  run: Run,
  fields: readonly PlannedField[],
  source: unknown,
  path: Path | undefined,
): Record<string, unknown> | Promise<Record<string, unknown>> => {
  const values: Record<string, unknown> = {}
  let pending: Promise<void>[] | undefined
  for (const field of fields) {
    let value: unknown
    try {
      value = executeField(run, field, source, path)
    } catch (error) {
      letGo(pending ?? [])
      throw error
    }
    // In the order of the selection, also those that come later.
    values[field.key] = value
    if (value instanceof Promise) {
      pending ??= []
      pending.push(
        value.then((settled: unknown) => {
          values[field.key] = settled
        }),
      )
    }
  }
  return pending ? Promise.all(pending).then(() => values) : values
}

/** Executes what was planned, as graphql-js executes the document. */
export const runPlan = (
  plan: OperationPlan,
  args: ExecutionArgs,
  variables: GraphQLResolveInfo['variableValues'],
): ExecutionResult | Promise<ExecutionResult> => {
  const run: Run = { args, plan, variables, errors: [], nulled: new Set(), isOver: false }
  const end = (data: Record<string, unknown> | null): ExecutionResult => {
    run.isOver = true
    return run.errors.length > 0 ? { errors: run.errors, data } : { data }
  }
  const endWith = (error: unknown): ExecutionResult => {
    note(run, locatedError(error, undefined), undefined)
    return end(null)
  }
  try {
    const data = executeFields(run, plan.root, args.rootValue, undefined)
    return data instanceof Promise ? data.then(end, endWith) : end(data)
  } catch (error) {
    return endWith(error)
  }
}
