import { readFile } from 'node:fs/promises'
import { getIntrospectionQuery, getNamedType, isObjectType, parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { createKnownSizes } from '../../src/http/known-sizes.ts'
import { defaultOperationLimits } from '../../src/http/limits.ts'
import { type AskedOperation, measureOperation } from '../../src/http/operation-size.ts'
import { schema } from '../../src/schema/index.ts'
import { assumedListSize, weightOf } from '../../src/schema/weight.ts'

const sizeOf = (text: string, asked: AskedOperation = {}) => measureOperation(schema, parse(text), asked)
const { maxCost } = defaultOperationLimits
const fields = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .flatMap((type) =>
    Object.values(type.getFields()).map((field) => ({ ...field, place: `${type.name}.${field.name}` })),
  )
/** A field under 95 names. */
const often = (field: string) => Array.from({ length: 95 }, (_, at) => `a${at}: ${field}`).join(' ')
const costOf = (text: string, variables?: AskedOperation['variables']) => sizeOf(text, { variables }).cost

describe('the cost of an operation', () => {
  it('is the number of its fields where there is no list', () => {
    expect(costOf('{ viewer { id name } }')).toBe(3)
  })

  it('counts a page as often as it has entries, and 50 times where it does not say', () => {
    expect(costOf('{ projects(first: 7) { totalCount nodes { id name } } }')).toBe(1 + 1 + 1 + 7 * 2)
    expect(costOf('{ projects(last: 7) { edges { node { id } } } }')).toBe(1 + 1 + 7 * 2)
    expect(costOf('{ projects { nodes { id } } }')).toBe(2 + 50)
    expect(costOf('{ projects(first: 4) { nodes { diffs(first: 5) { nodes { id } } } } }')).toBe(2 + 4 * (2 + 5))
  })

  it('takes pages no larger than any that is answered, and none to be smaller than nothing', () => {
    for (const first of [201, 10_000, -1]) expect(costOf(`{ projects(first: ${first}) { nodes { id } } }`)).toBe(202)
    expect(costOf('{ projects(first: 0) { nodes { id } } }')).toBe(2)
  })

  it('goes by the values of variables, by their defaults, and by the most for what is no number', () => {
    const query = 'query ($n: Int = 9) { projects(first: $n) { nodes { id } } }'
    expect(costOf(query, { n: 3 })).toBe(2 + 3)
    expect(costOf(query)).toBe(2 + 9)
    expect(costOf(query, { n: null })).toBe(2 + 50)
    expect(costOf(query, { n: 'many' })).toBe(2 + 200)
    expect(costOf('query ($n: Int) { projects(first: $n) { nodes { id } } }')).toBe(2 + 50)
  })

  it('counts an object that is asked for by its id once for each id', () => {
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }'
    expect(costOf(query, { ids: ['a', 'b', 'c', 'd'] })).toBe(1 + 4)
    expect(costOf(query, { ids: ['a', 'a', 'a'] })).toBe(1 + 3)
    expect(costOf('{ nodes(ids: ["a", "b"]) { id } }')).toBe(1 + 2)
  })

  it.each([
    ['Diff', 'content'],
    ['Diff', 'sinceLastSeen'],
    ['Diff', 'files { patch }'],
    ['Diff', 'files { before { path } }'],
    ['Diff', 'files { after { path } }'],
    ['Diff', 'files { hunks { text } }'],
    ['SafetyEvaluation', 'added { path }'],
    ['SafetyEvaluation', 'removed { path }'],
    ['SafetyEvaluation', 'unchanged { path }'],
    ['Project', 'entries { path }'],
    ['Project', 'file(path: "a") { path }'],
    ['Project', 'proposedTestCases { name }'],
    ['Project', 'environment { log }'],
    ['Version', 'file(path: "a") { path }'],
    ['Sprint', 'artifacts { path }'],
    ['Candidate', 'patch'],
    ['Candidate', 'toolCalls { arguments }'],
    ['Candidate', 'toolCalls { result }'],
    ['AgentRun', 'input'],
    ['Checkpoint', 'state'],
    ['TestCase', 'files { text }'],
    ['TestRun', 'results { stdout }'],
    ['TestRun', 'results { stderr }'],
  ])('counts what may be megabytes so that 95 of it are too much: %s.%s', (type, field) => {
    expect(costOf(`{ node(id: "x") { ... on ${type} { ${often(field)} } } }`)).toBeGreaterThan(maxCost)
  })

  it.each([
    ['Diff', 'files', 'patch'],
    ['Project', 'entries', 'path'],
    ['Candidate', 'toolCalls', 'result'],
    ['TestCase', 'files', 'text'],
    ['TestRun', 'results', 'stdout'],
  ])('does so also within one list: %s.%s.%s', (type, list, field) => {
    expect(costOf(`{ node(id: "x") { ... on ${type} { ${list} { ${often(field)} } } } }`)).toBeGreaterThan(maxCost)
  })

  it('lets a page of 50 have one such text each', () => {
    expect(costOf('{ pendingDiffs { nodes { id content } } }')).toBeLessThan(maxCost)
  })

  it('lets a page of 50 show what its evaluations found, and larger ones no more than that', () => {
    const found = 'issues { code message path line } warnings { code message path line }'
    const page = (first: number) => costOf(`{ pendingDiffs(first: ${first}) { nodes { id safety { ${found} } } } }`)
    expect(page(50)).toBeLessThan(maxCost)
    expect(page(100)).toBeGreaterThan(maxCost)
    expect(costOf('{ pendingDiffs(first: 200) { nodes { id safety { issues { code } } } } }')).toBeLessThan(maxCost)
  })

  it('knows the weight of every file, and of everything that is any JSON but a few settings', () => {
    const settings = ['AgentRun.modelConfig', 'Session.coder', 'Session.evaluator']
    const large = fields.filter(({ type }) => ['JSON', 'FileContent'].includes(getNamedType(type).name))
    expect(large.flatMap((field) => (weightOf(field).cost === undefined ? [field.place] : [])).sort()).toEqual(settings)
  })

  it('has no weight that the page of limits does not name', async () => {
    const page = await readFile('docs/limits.md', 'utf8')
    const heavy = fields.filter((field) => Object.keys(weightOf(field)).length > 0)
    expect(heavy.length).toBeGreaterThan(20)
    expect(heavy.filter(({ name }) => !page.includes(`\`${name}\``) && !page.includes(`.${name}\``))).toEqual([])
  })

  it('assumes a length for lists without pages', () => {
    expect(costOf('{ processes { id } }')).toBe(1 + assumedListSize)
  })

  it('does not depend on fragments, also for the entries of a page', () => {
    const plain = '{ projects(first: 6) { nodes { id diffs(first: 2) { nodes { id } } } } }'
    const spread = `{ ...a } fragment a on Query { projects(first: 6) { ...page } }
      fragment page on ProjectConnection { ... on ProjectConnection { nodes { ...b } } }
      fragment b on Project { id ... { diffs(first: 2) { nodes { id } } } }`
    expect(sizeOf(spread)).toEqual(sizeOf(plain))
  })

  it('is found in a moment for fragments that double with each one', () => {
    const levels = Array.from({ length: 400 }, (_, at) => `fragment f${at} on Query { ...f${at + 1} ...f${at + 1} }`)
    const { cost } = sizeOf(`{ ...f0 } ${levels.join(' ')} fragment f400 on Query { viewer { id } }`)
    expect(cost).toBeGreaterThan(2 ** 400)
  })
})

it('depth and aliases are those of the operation that is asked for, with its fragments', () => {
  const document = `query A { viewer { id } }
    query B { x: viewer { y: id ...c id: id } } fragment c on Actor { z: name }`
  expect(sizeOf(document, { operationName: 'A' })).toEqual({ depth: 2, aliases: 0, cost: 2, introspections: 0 })
  expect(sizeOf(document, { operationName: 'B' })).toEqual({ depth: 2, aliases: 3, cost: 4, introspections: 0 })
})

it('of a document that is kept is what it is of a new one, whatever its variables are', () => {
  const known = createKnownSizes()
  const text = `query a($n: Int, $ids: [ID!] = ["x", "y"], $text: String) {
      projects(first: $n) { nodes { id } } nodes(ids: $ids) { id } project: node(id: $text) { id }
    } query b { viewer { id } }`
  const kept = parse(text)
  const values = [
    {},
    { n: 3 },
    { n: 4 },
    { n: null },
    { n: 'many' },
    { n: -1 },
    { n: [1] },
    { ids: [] },
    { ids: ['z'] },
  ]
  for (const variables of [...values, { n: 3, text: 'x' }, { n: 3, ids: ['z'] }, null, undefined]) {
    for (const operationName of ['a', 'b', 'c', undefined]) {
      const asked = { operationName, variables }
      for (const _ of [1, 2]) expect(known(schema, kept, asked)).toEqual(sizeOf(text, asked))
    }
  }
})

it('what is no valid document is measured as far as it goes: validation says what is wrong', () => {
  expect(sizeOf('{ nothing { of { that } } }')).toEqual({ depth: 3, aliases: 0, cost: 3, introspections: 0 })
  expect(sizeOf('{ ...a ...gone } fragment a on Query { viewer { id } ...b } fragment b on Query { ...a }').depth).toBe(
    2,
  )
})

it('what the schema says of itself counts as often as it is answered', () => {
  const introspections = (text: string) => sizeOf(text).introspections
  expect(introspections(getIntrospectionQuery())).toBe(1)
  expect(introspections('{ viewer { __typename } s: __schema { types { name } } }')).toBe(1)
  expect(introspections('{ __schema { types { name } } __type(name: "Diff") { name } }')).toBe(2)
  expect(
    introspections(
      '{ ...a ...a b: __schema { ...c } } fragment a on Query { __schema { ...c } } fragment c on __Schema { types { name } }',
    ),
  ).toBe(3)
  expect(introspections('{ __schema { types { fields { name } b: fields { name } } } }')).toBe(2)
})
