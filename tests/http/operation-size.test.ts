import { parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { assumedListSize } from '../../src/http/limits.ts'
import { type AskedOperation, measureOperation } from '../../src/http/operation-size.ts'
import { schema } from '../../src/schema/index.ts'

const sizeOf = (text: string, asked: AskedOperation = {}) => measureOperation(schema, parse(text), asked)
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
    expect(costOf('{ nodes(ids: ["a", "b"]) { id } }')).toBe(1 + 2)
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
  expect(sizeOf(document, { operationName: 'A' })).toEqual({ depth: 2, aliases: 0, cost: 2 })
  expect(sizeOf(document, { operationName: 'B' })).toEqual({ depth: 2, aliases: 3, cost: 4 })
})

it('what is no valid document is measured as far as it goes: validation says what is wrong', () => {
  expect(sizeOf('{ nothing { of { that } } }')).toEqual({ depth: 3, aliases: 0, cost: 3 })
  expect(sizeOf('{ ...a ...gone } fragment a on Query { viewer { id } ...b } fragment b on Query { ...a }').depth).toBe(
    2,
  )
})
