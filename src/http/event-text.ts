import {
  type FieldNode,
  GraphQLIncludeDirective,
  type GraphQLLeafType,
  type GraphQLObjectType,
  GraphQLSkipDirective,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  typeFromAST,
  type ValidatedSubscriptionArgs,
} from 'graphql'

/** Says what a subscription shows of an event, in JSON; undefined where graphql-js has to. */
export type EventText = (event: object) => string | undefined

type Read = (source: unknown, args: unknown, context: unknown, info: unknown) => unknown

/** What decides on what is shown. */
type Operation = Pick<ValidatedSubscriptionArgs, 'schema' | 'operation' | 'fragments' | 'variableValues'>

/** A field as it is shown of every event of one type. */
type Part =
  | { readonly text: string }
  | { readonly name: string; readonly read: Read; readonly type: GraphQLLeafType; readonly isNullable: boolean }

const refuse = (): never => {
  throw new TypeError('This is not said by the event alone.')
}
/** Stands for what a resolver is given beside the event: whatever is read of it, it throws. */
const untouchable = new Proxy(Object.freeze({}), { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
const noArguments = Object.freeze(Object.create(null))

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null)?.then === 'function'

/** @throws TypeError for a promise; whether that fails, the execution asks anew */
const refusePromise = (value: unknown): void => {
  if (!isPromise(value)) return
  value.then(undefined, () => {})
  refuse()
}

const known: readonly string[] = [GraphQLSkipDirective.name, GraphQLIncludeDirective.name]

/** The selected fields by the names that they are shown under, as graphql-js collects them. @throws TypeError for more than that */
const collect = (
  { schema, fragments, variableValues }: Operation,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): ReadonlyMap<string, readonly FieldNode[]> => {
  const fields = new Map<string, FieldNode[]>()
  const visited = new Set<string>()
  const isLeftOut = (node: SelectionNode): boolean => {
    if (node.directives?.some(({ name }) => !known.includes(name.value))) refuse()
    const [skip, include] = [GraphQLSkipDirective, GraphQLIncludeDirective].map((directive) =>
      getDirectiveValues(directive, node, variableValues),
    )
    return skip?.if === true || include?.if === false
  }
  const applies = (condition: Parameters<typeof typeFromAST>[1] | undefined): boolean => {
    if (!condition) return true
    const conditional = typeFromAST(schema, condition)
    return conditional === type || (isAbstractType(conditional) && schema.isSubType(conditional, type))
  }
  const look = ({ selections }: SelectionSetNode): void => {
    for (const node of selections) {
      if (isLeftOut(node)) continue
      if (node.kind === Kind.FIELD) {
        const name = (node.alias ?? node.name).value
        fields.set(name, [...(fields.get(name) ?? []), node])
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        if (applies(node.typeCondition)) look(node.selectionSet)
      } else {
        const fragment = fragments[node.name.value]
        if (fragment?.variableSignatures) refuse()
        if (!fragment || visited.has(node.name.value) || !applies(fragment.definition.typeCondition)) continue
        visited.add(node.name.value)
        look(fragment.definition.selectionSet)
      }
    }
  }
  for (const set of sets) look(set)
  return fields
}

/** @throws TypeError where something is asked for that lies beside the event */
const partsOf = (asked: Operation, type: GraphQLObjectType, sets: readonly SelectionSetNode[]): readonly Part[] => {
  if (type.isTypeOf) refuse()
  return [...collect(asked, type, sets)].map(([shownAs, [node]]) => {
    const name = `${JSON.stringify(shownAs)}:`
    if (node?.name.value === '__typename') return { text: `${name}${JSON.stringify(type.name)}` }
    const field = type.getFields()[node?.name.value ?? '']
    const shown = field && getNamedType(field.type)
    if (!field?.resolve || field.args.length > 0 || !isLeafType(shown)) return refuse()
    const isNullable = !isNonNullType(field.type)
    if (isListType(isNonNullType(field.type) ? field.type.ofType : field.type)) return refuse()
    return { name, read: field.resolve as Read, type: shown, isNullable }
  })
}

/** @throws whatever is not as simple as that */
const textOf = (part: Part, event: unknown): string => {
  if ('text' in part) return part.text
  const value = part.read(event, noArguments, untouchable, untouchable)
  refusePromise(value)
  if (value === null || value === undefined) return part.isNullable ? `${part.name}null` : refuse()
  if (value instanceof Error) return refuse()
  const shown = JSON.stringify(part.type.coerceOutputValue(value) ?? refuse())
  return `${part.name}${shown ?? refuse()}`
}

/**
 * For subscriptions that show of an event what it says itself, which is what most do: the same text that the result of
 * executing them has, without executing them. Whoever asks for more, and whatever goes wrong, is left to graphql-js.
 */
export const eventText = ({ schema, operation, fragments, variableValues }: Operation): EventText => {
  // Without what else belongs to who asked first: others are shown the same. Of their variables, which may be megabytes,
  // what @skip and @include may name.
  const flags = Object.entries(variableValues.coerced).filter(([, value]) => typeof value === 'boolean')
  const asked: Operation = {
    schema,
    operation,
    fragments,
    variableValues: {
      sources: Object.create(null),
      coerced: Object.assign(Object.create(null), Object.fromEntries(flags)),
    },
  }
  const parts = new Map<string, readonly Part[] | undefined>()
  const root = schema.getSubscriptionType()
  const start = () => {
    if (!root) return refuse()
    const [[shownAs, nodes] = refuse(), ...others] = collect(asked, root, [operation.selectionSet])
    const field = root.getFields()[nodes[0]?.name.value ?? '']
    const type = field && (isNonNullType(field.type) ? field.type.ofType : field.type)
    if (others.length > 0 || !field?.resolve || !isCompositeType(type)) return refuse()
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
    return { name: JSON.stringify(shownAs), read: field.resolve as Read, type, sets }
  }
  let begun: ReturnType<typeof start> | undefined
  let isBeyond = false
  const typeNameOf = (type: ReturnType<typeof start>['type'], event: unknown): string => {
    if (isObjectType(type)) return type.name
    const name = type.resolveType?.(event, untouchable as never, untouchable as never, type)
    return typeof name === 'string' ? name : refuse()
  }
  return (given) => {
    if (isBeyond) return undefined
    let typeName: string | undefined
    try {
      begun ??= start()
      const { name, read, type, sets } = begun
      const event = read(given, untouchable, untouchable, untouchable)
      refusePromise(event)
      if (typeof event !== 'object' || event === null || event instanceof Error) return refuse()
      typeName = typeNameOf(type, event)
      if (!parts.has(typeName)) {
        const runtimeType = schema.getType(typeName)
        if (!isObjectType(runtimeType) || (isAbstractType(type) && !schema.isSubType(type, runtimeType))) refuse()
        else parts.set(typeName, partsOf(asked, runtimeType, sets))
      }
      const ofType = parts.get(typeName)
      if (!ofType) return undefined
      let text = `{"data":{${name}:{`
      for (let index = 0; index < ofType.length; index++) {
        if (index > 0) text += ','
        text += textOf(ofType[index] as Part, event)
      }
      return `${text}}}}`
    } catch {
      // graphql-js says what is wrong, if anything is.
      if (typeName === undefined) isBeyond = true
      else parts.set(typeName, undefined)
      return undefined
    }
  }
}
