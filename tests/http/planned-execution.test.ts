import {
  defaultFieldResolver,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLEnumType,
  type GraphQLFieldResolver,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  GraphQLString,
  getVariableValues,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { planOperation } from '../../src/http/plan-operation.ts'
import { runPlan } from '../../src/http/run-plan.ts'

/** What resolvers give is drawn by lot from where in the answer they are asked, so that it is the same for both. */
interface Lot {
  readonly seed: number
  /** How many of a hundred values come later, and how many fail or are missing. */
  readonly later: number
  readonly bad: number
}

const drawn = ({ seed }: Lot, place: string): number => {
  let state = seed
  for (const character of place) state = (Math.imul(state, 31) + character.charCodeAt(0)) >>> 0
  return randomNumbers(state)(10_000)
}

const resolveTo =
  (value: (lot: number, lots: Lot, place: string) => unknown): GraphQLFieldResolver<unknown, Lot> =>
  (_source, args, lots, info: GraphQLResolveInfo) => {
    const place = `${responsePathAsArray(info.path).join('.')} ${JSON.stringify(args)} ${info.parentType.name}`
    const lot = drawn(lots, place)
    const outcome = (): unknown => {
      const bad = drawn(lots, `${place} bad`) % 100
      if (bad >= lots.bad) return value(lot, lots, place)
      if (bad % 3 === 0) return null
      if (bad % 3 === 1) throw new Error(`Failed at ${place}`)
      return new Error(`Gave an error at ${place}`)
    }
    return drawn(lots, `${place} later`) % 100 < lots.later ? Promise.resolve().then(outcome) : outcome()
  }

const things = resolveTo((lot, lots, place) =>
  Array.from({ length: lot % 4 }, (_, index) => {
    const item = { number: lot + index, __typename: (lot + index) % 2 ? 'Odd' : 'Even' }
    return drawn(lots, `${place} ${index}`) % 100 < lots.later / 2 ? Promise.resolve(item) : item
  }),
)
const oneThing = resolveTo((lot) => ({ number: lot, __typename: lot % 2 ? 'Odd' : 'Even' }))
const odd = resolveTo((lot) => ({ number: lot * 2 + 1, __typename: 'Odd' }))
const exposed = {
  resolve: (source: { number: unknown }) => source.number,
  extensions: { pothosExposedField: 'number', pothosResolveWrapped: false },
}
const kind = new GraphQLEnumType({ name: 'Kind', values: { FEW: { value: 0 }, MANY: { value: 1 } } })

const own = () => ({
  number: { type: GraphQLInt, ...exposed },
  sure: { type: new GraphQLNonNull(GraphQLInt), ...exposed },
  text: { type: GraphQLString, args: { n: { type: GraphQLInt, defaultValue: 3 } }, resolve: resolveTo(String) },
  needed: { type: new GraphQLNonNull(GraphQLString), resolve: resolveTo(String) },
  kind: { type: kind, resolve: resolveTo((lot) => lot % 3) },
  words: { type: new GraphQLList(new GraphQLNonNull(GraphQLString)), resolve: resolveTo((lot) => [lot, `${lot}`]) },
  one: { type: thing, resolve: oneThing },
  theOne: { type: new GraphQLNonNull(thing), resolve: oneThing },
  odd: { type: oddThing, resolve: odd },
  many: { type: new GraphQLList(thing), resolve: things },
  allOf: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(thing))), resolve: things },
})
const thing: GraphQLInterfaceType = new GraphQLInterfaceType({ name: 'Thing', fields: own })
const oddThing: GraphQLObjectType = new GraphQLObjectType({
  name: 'Odd',
  interfaces: [thing],
  fields: () => ({ ...own(), only: { type: GraphQLString, resolve: resolveTo(String) } }),
})
const even = new GraphQLObjectType({
  name: 'Even',
  interfaces: [thing],
  fields: own,
  isTypeOf: () => Promise.resolve(true),
})
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { ...own(), default: { type: GraphQLString } } }),
  types: [oddThing, even],
})

const planned = async (args: ExecutionArgs): Promise<ExecutionResult> => {
  const plan = planOperation(schema, args.document, args.operationName)
  const { variableValues } = getVariableValues(
    schema,
    plan?.operation.variableDefinitions ?? [],
    args.variableValues ?? {},
  )
  if (!plan || !variableValues) throw new Error('It was not planned.')
  return runPlan(plan, args, variableValues)
}

const leaves = ['number', 'sure', 'text', 'a: text(n: 4)', 'b: text(n: $n)', 'needed', 'kind', 'words', '__typename']
const branches = ['one', 'theOne', 'odd', 'many', 'allOf', 'c: one', 'd: many']

const randomSelection = (random: (below: number) => number, depth: number): string => {
  const part = (): string => {
    const drawn = random(10)
    if (depth === 0 || drawn < 5) return leaves[random(leaves.length)] ?? ''
    if (drawn === 5) return `... on ${['Thing', 'Odd', 'Even'][random(3)]} { ${randomSelection(random, depth - 1)} }`
    if (drawn === 6) return '...shared'
    return `${branches[random(branches.length)]} { ${randomSelection(random, depth - 1)} }`
  }
  return Array.from({ length: 1 + random(4) }, part).join(' ')
}

const randomDocument = (seed: number) => {
  const random = randomNumbers(seed)
  const query = `query ($n: Int) { number one { ${randomSelection(random, 3)} } allOf { ${randomSelection(random, 2)} } }`
  return `${query} fragment shared on Thing { number text one { needed text(n: 3) } ... on Odd { only } }`
}

/** Where the errors are; what is beside one that made its parent null may be told or not. */
const outcomeOf = ({ data, errors = [] }: ExecutionResult) => ({
  data: JSON.stringify(data),
  fails: errors.length > 0,
})
const told = ({ errors = [] }: ExecutionResult) =>
  errors.map(({ message, path, locations }) => JSON.stringify([path, locations, message])).sort()

describe('a planned query', () => {
  it('gives what graphql-js gives for it, whatever resolvers do', async () => {
    let compared = 0
    for (let seed = 1; seed <= 400; seed++) {
      const document = parse(randomDocument(seed))
      if (validate(schema, document).length > 0) continue
      const later = [0, 30, 100][seed % 3] ?? 0
      const contextValue: Lot = { seed, later, bad: seed % 4 === 0 ? 0 : 4 + (seed % 17) }
      const args = { schema, document, contextValue, variableValues: { n: seed }, rootValue: { number: 1 } }
      const [ours, theirs] = [await planned(args), await execute(args)]
      expect(outcomeOf(ours), randomDocument(seed)).toEqual(outcomeOf(theirs))
      if (later === 0) expect(told(ours)).toEqual(told(theirs))
      compared++
    }
    expect(compared).toBeGreaterThan(150)
  })

  it('is one without directives, of the operation that is asked for, and no mutation', () => {
    const plan = (text: string, name?: string) => planOperation(schema, parse(text), name)
    expect(plan('{ text @skip(if: false) }')).toBeUndefined()
    expect(plan('query a { text } query b { needed }')).toBeUndefined()
    expect(plan('query a { text } query b { needed }', 'b')?.root.map(({ key }) => key)).toEqual(['needed'])
    expect(plan('query a { text }', 'c')).toBeUndefined()
    expect(plan('mutation { text }')).toBeUndefined()
    expect(plan('subscription { text }')).toBeUndefined()
    expect(plan('{ one { __proto__: text } }')).toBeUndefined()
    expect(plan('{ ...f } fragment f on Query { __schema { types { name } } }')).toBeUndefined()
  })

  it('tells nothing of what fails once it is answered, and no rejection is left without a handler', async () => {
    const document = parse('{ needed late: needed odd { number } }')
    let failLate = (_: Error) => {}
    const late = new Promise<string>((_, reject) => {
      failLate = reject
    })
    const query = new GraphQLObjectType({
      name: 'Query',
      fields: {
        needed: {
          type: new GraphQLNonNull(GraphQLString),
          resolve: (_source, _args, _context, { path }) =>
            path.key === 'late' ? late : Promise.reject(new Error('at once')),
        },
        odd: { type: oddThing, resolve: defaultFieldResolver },
      },
    })
    const own = new GraphQLSchema({ query, types: [oddThing, even] })
    const plan = planOperation(own, document, undefined)
    if (!plan) throw new Error('It was not planned.')
    const result = await runPlan(plan, { schema: own, document }, { sources: {}, coerced: {} } as never)
    expect(result).toMatchObject({ data: null, errors: [{ message: 'at once', path: ['needed'] }] })
    failLate(new Error('late'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(result.errors).toHaveLength(1)
  })
})
