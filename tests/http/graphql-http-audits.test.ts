import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
})
afterAll(() => server[Symbol.asyncDispose]())

const audits = serverAudits({
  url: () => `${server.url}/graphql`,
  fetchFn: (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.token}` } }),
})

it('the package has 60 audits and more', () => {
  expect(audits.length).toBeGreaterThanOrEqual(60)
})

it.each(audits)('$id: $name', async ({ fn }) => {
  const result = await fn()
  expect('reason' in result ? result.reason : result.status).toBe('ok')
})

// One that says how long it is goes without the fetch API's objects, one in pieces with them.
const sendings = [
  ['a query', { query: '{ viewer { name role } }' }],
  ['a query by name', { query: 'query a { viewer { name } } query b { viewer { id } }', operationName: 'b' }],
  ['variables', { query: 'query ($n: Int!) { projects(first: $n) { nodes { id } } }', variables: { n: 1 } }],
  ['directives', { query: 'query ($yes: Boolean!) { viewer { id name @skip(if: $yes) } }', variables: { yes: true } }],
  ['variables that are wrong', { query: 'query ($n: Int!) { projects(first: $n) { nodes { id } } }', variables: {} }],
  ['half of a pair', '{"query":"query ($id: ID!) { node(id: $id) { id } }","variables":{"id":"\\ud800"}}'],
  ['arguments that are wrong', { query: '{ projects(first: 500) { nodes { id } } }' }],
  ['no operation of that name', { query: 'query a { viewer { name } }', operationName: 'b' }],
  ['what is not in the schema', { query: '{ nothing }' }],
  ['what is no GraphQL', { query: '{ viewer {' }],
  ['more than is taken', { query: `{ viewer { ${'a: name '.repeat(200)} } }` }],
  ['a mutation', { query: 'mutation { archiveProject(id: "x") { ... on NotFoundError { code message } } }' }],
  ['a subscription', { query: 'subscription { events(after: "x") { __typename } }' }],
  ['the schema', { query: '{ __schema { queryType { name } } }' }],
  ['another parameter', { query: '{ viewer { name } }', more: 1 }],
  ['a hash', { extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } }],
  ['variables that are none', { query: '{ viewer { name } }', variables: [] }],
  ['several', [{ query: '{ viewer { name } }' }]],
  ['null', 'null'],
  ['text', '"text"'],
  ['nothing', ''],
  ['what is no JSON', '{"query":'],
] as const
const accepted = [
  '*/*',
  'application/json',
  'application/graphql-response+json; charset=utf-8, application/json; charset=utf-8',
  'text/html, application/*;q=0.9',
  'application/json;charset=latin1, application/graphql-response+json',
  'text/html',
]

it.each(sendings)('%s is answered the same whether it says how long it is or not', async (_, sent) => {
  const body = typeof sent === 'string' ? sent : JSON.stringify(sent)
  const answer = async (accept: string, isInPieces: boolean, authorization = `Bearer ${server.token}`) => {
    const headers = { accept, authorization, 'content-type': 'application/json' }
    const whole = isInPieces ? { body: new Blob([body]).stream(), duplex: 'half' } : { body }
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, ...whole } as RequestInit)
    const text = await response.text()
    // The words of the parser, which are not ours.
    const shown = text.replace(/"originalError":\{[^}]*\}/, '"originalError":{}')
    return { status: response.status, type: response.headers.get('content-type'), text: shown }
  }
  for (const accept of accepted) expect(await answer(accept, false), accept).toEqual(await answer(accept, true))
  expect(await answer('*/*', false, 'Bearer none')).toEqual(await answer('*/*', true, 'Bearer none'))
})
