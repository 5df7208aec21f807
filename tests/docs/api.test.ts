import { buildSchema, isObjectType } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { pages, read, tableRows } from './pages.ts'
import { type Bound, matches } from './placeholders.ts'
import { play, requestsOf } from './requests.ts'

// In the order in which their requests build on each other.
const apiPages = [
  'docs/api.md',
  'docs/api-projects.md',
  'docs/api-settings.md',
  'docs/api-specs.md',
  'docs/api-sprints.md',
  'docs/api-sessions.md',
  'docs/api-changes.md',
  'docs/api-commits.md',
  'README.md',
  'docs/api-events.md',
  'docs/MCP.md',
  'docs/WEBHOOKS.md',
]

let server: TestServer
const bound: Bound = new Map()
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

it.each(apiPages)('the requests of %s are answered as it shows', async (page) => {
  await play(page, server, bound)
})

it('there is no page with a request that nobody sends', () => {
  expect(pages.filter((page) => requestsOf(page).length > 0).toSorted()).toEqual(apiPages.toSorted())
})

it('the codes of all errors that an answer can have are told', () => {
  const schema = buildSchema(read('schema.graphql'))
  const declared = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'DomainError'))
    .map(({ name }) =>
      name
        .replace(/Error$/, '')
        .replace(/(?<!^)[A-Z]/g, '_$&')
        .toUpperCase(),
    )
  const told = tableRows('docs/api.md', 'code', 'what happened', 'what to do').map(([code = '']) =>
    code.replaceAll('`', ''),
  )
  expect(told).toEqual(expect.arrayContaining(declared))
})

it.each([
  ['another text', { a: 'x' }, { a: 'y' }],
  ['a member more', { a: 'x' }, { a: 'x', b: 1 }],
  ['a member less', { a: 'x', b: 1 }, { a: 'x' }],
  ['an element more', ['x'], ['x', 'y']],
  ['another value for the same placeholder', ['<diff>', '<diff>'], ['1', '2']],
  ['no hash', '<contentHash>', 'abc'],
  ['an empty text', '<diff>', ''],
  ['another beginning', 'Fix…', 'Add a file'],
])('an answer with %s is another one', (_, shown, actual) => {
  expect(matches(shown, actual, new Map())).toBe(false)
})
