import { getIntrospectionQuery, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDocumentCache } from '../../src/http/document-cache.ts'
import { comparesMoreThan } from '../../src/http/field-comparisons.ts'
import { defaultOperationLimits, maxDocumentLength } from '../../src/http/limits.ts'
import { type GraphQLSocket, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'

let server: TestServer
let socket: GraphQLSocket
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
  socket = await openSocket(server.url, server.token)
})
afterAll(async () => {
  await socket[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const { maxDepth, maxAliases, maxCost, maxTokens } = defaultOperationLimits

const aliases = (count: number) => Array.from({ length: count }, (_, at) => `a${at}: name`).join(' ')
const tooLarge = [
  {
    what: 'depth',
    query: `{ projects(first: 1) { nodes { ${'specs(first: 1) { nodes { project { '.repeat(5)} id ${'} } }'.repeat(5)} } } }`,
    code: 'QUERY_TOO_DEEP',
    message: new RegExp(`18 fields deep, and ${maxDepth} `),
  },
  {
    what: 'aliases',
    query: `{ viewer { ${aliases(maxAliases + 1)} } }`,
    code: 'QUERY_TOO_MANY_ALIASES',
    message: new RegExp(`${maxAliases + 1} aliases, and ${maxAliases} `),
  },
  {
    what: 'cost',
    query:
      '{ projects(first: 200) { nodes { diffs(first: 200) { nodes { id status } } specs(first: 200) { nodes { id } } } } }',
    code: 'QUERY_TOO_COSTLY',
    message: new RegExp(`costs ${2 + 200 * (2 + 400 + 2 + 200)}, and ${maxCost} `),
  },
  {
    what: 'cost by variables',
    query:
      'query ($n: Int) { projects(first: $n) { nodes { diffs(first: $n) { nodes { id status commitMessage } } } } }',
    variables: { n: 200 },
    code: 'QUERY_TOO_COSTLY',
    message: new RegExp(`costs ${2 + 200 * (2 + 600)}, and ${maxCost} `),
  },
  {
    what: 'cost of megabytes',
    query: `{ node(id: "x") { ... on Diff { ${Array.from({ length: 95 }, (_, at) => `a${at}: content`).join(' ')} } } }`,
    code: 'QUERY_TOO_COSTLY',
    message: new RegExp(`costs ${1 + 95 * 1_100}, and ${maxCost} .* fewer patches, files and outputs`),
  },
  {
    what: 'repetition',
    query: `query small { viewer { name } } fragment large on Query { ${'node(id: "x") { id } '.repeat(300)} }`,
    code: 'QUERY_TOO_REPETITIVE',
    message: /over 10000 pairs/,
  },
  {
    what: 'tokens',
    query: `{ viewer { ${'name '.repeat(maxTokens)} } }`,
    code: 'QUERY_TOO_LONG',
    message: new RegExp(`of ${15 + 5 * maxTokens} characters, has more than ${maxTokens} tokens`),
  },
  {
    what: 'comments',
    query: `${'#\n'.repeat(maxTokens + 1)}{ viewer { name } }`,
    code: 'QUERY_TOO_LONG',
    message: /characters, has more than \d+ tokens or comments/,
  },
  {
    what: 'characters of one value',
    query: `{ node(id: "${'x'.repeat(maxDocumentLength)}") { id } }`,
    code: 'QUERY_TOO_LONG',
    message: new RegExp(`and ${maxDocumentLength} are taken: send values as variables`),
  },
]

const told = (errors: unknown) => (errors as { message: string; extensions: object }[])[0]

describe.each(tooLarge)('an operation of too much $what', ({ query, variables, code, message }) => {
  const refused = { message: expect.stringMatching(message), extensions: { code } }

  it('is refused over HTTP, as one that is not valid', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${server.token}`,
      },
      body: JSON.stringify({ query, variables }),
    })
    const { errors, data } = await response.json()
    expect([response.status, data, told(errors)]).toMatchObject([400, undefined, refused])
  })

  it('is refused over server-sent events', async () => {
    for await (const { errors } of subscribeBySse(server, query, variables ?? {}, AbortSignal.timeout(30_000))) {
      expect(told(errors)).toMatchObject(refused)
      return
    }
    expect.unreachable('nothing was answered')
  })

  it('is refused over WebSocket, and the connection goes on', async () => {
    expect(told(await socket.first(query, variables))).toMatchObject(refused)
    expect(await socket.first('{ viewer { name } }')).toEqual({ data: { viewer: { name: 'Administrator' } } })
  })
})

it('as much as the limits say is answered', async () => {
  expect((await server.request(`{ viewer { ${aliases(maxAliases)} } }`)).errors).toBeUndefined()
  const page =
    '{ projects(first: 200) { nodes { diffs(first: 200) { nodes { id status } } specs(first: 95) { nodes { id } } } } }'
  expect((await server.request(page)).errors).toBeUndefined()
})

it('variables decide each time, also where the document is known', async () => {
  const query =
    'query ($n: Int) { projects(first: $n) { nodes { diffs(first: $n) { nodes { id status contentHash } } } } }'
  const codes = []
  for (const n of [200, 5, 200, 5]) codes.push((await server.request(query, { n })).errors?.[0]?.extensions?.code)
  expect(codes).toEqual(['QUERY_TOO_COSTLY', undefined, 'QUERY_TOO_COSTLY', undefined])
})

it('only the operation that is asked for is measured', async () => {
  const query = `query small { viewer { name } } query large { viewer { ${aliases(maxAliases + 1)} } }`
  const answer = async (operationName: string) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ query, operationName }),
    })
    return (await response.json()).errors?.[0].extensions.code
  }
  expect([await answer('small'), await answer('large')]).toEqual([undefined, 'QUERY_TOO_MANY_ALIASES'])
})

it('the question for the whole schema is answered, with everything that it can have', async () => {
  const everything = {
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    experimentalDirectiveDeprecation: true,
    oneOf: true,
    typeDepth: 9,
  }
  for (const options of [{}, everything]) {
    const { data } = await server.request(getIntrospectionQuery(options))
    expect(data.__schema.queryType.name).toBe('Query')
  }
})

it('the schema is not answered several times over', async () => {
  for (const query of [
    '{ a: __schema { types { name } } b: __schema { types { name } } }',
    '{ __schema { types { name } } __type(name: "Diff") { name } }',
    '{ __schema { types { a: fields { name } } } }',
  ]) {
    expect(told((await server.request(query)).errors)).toMatchObject({
      message: expect.stringContaining('asks for the schema itself 2 times over'),
      extensions: { code: 'QUERY_TOO_REPETITIVE' },
    })
  }
})

it('more objects than a page has are not looked up at once, the same one or others', async () => {
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }'
  const ask = async (count: number) => (await server.request(query, { ids: Array(count).fill('x') })).errors
  expect([await ask(200), told(await ask(201))]).toMatchObject([
    undefined,
    { message: expect.stringContaining('names 201 objects, and 200 are taken'), extensions: { code: 'VALIDATION' } },
  ])
})

it('variables that are nested too deeply are the client’s fault', async () => {
  const depth = 200_000
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
    body: `{"query":"{ viewer { name } }","variables":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`,
  })
  expect([response.status, (await response.json()).errors]).toEqual([
    400,
    [{ message: expect.stringContaining('nested too deeply'), extensions: { code: 'BAD_USER_INPUT' } }],
  ])
})

it('several operations in one request are none', async () => {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
    body: JSON.stringify([{ query: '{ viewer { name } }' }]),
  })
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('Batching is not supported')])
})

describe('a page of another origin', () => {
  const post = (headers: Readonly<Record<string, string>>) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}`, ...headers },
      body: JSON.stringify({ query: '{ viewer { name } }' }),
    })

  it.each([
    ['by where it is from', { origin: 'https://elsewhere.example' }],
    ['by what the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['on a neighbouring host', { origin: 'https://elsewhere.example', 'sec-fetch-site': 'same-site' }],
    ['that hides where it is from', { origin: 'null' }],
  ])('is refused, %s, even if a proxy gives it a token', async (_how, headers) => {
    const response = await post(headers)
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('CORS_ORIGINS')])
  })

  it('a page of this server, and what is no browser, is answered', async () => {
    for (const headers of [
      {},
      { origin: server.url },
      { origin: 'http://proxied.example', 'sec-fetch-site': 'same-origin' },
    ]) {
      expect((await post(headers)).status).toBe(200)
    }
  })

  it('opens no WebSocket', async () => {
    const { WebSocket } = await import('ws')
    const foreign = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      origin: 'https://elsewhere.example',
    })
    const [error] = await new Promise<[Error]>((resolve) => foreign.once('error', (...told) => resolve(told)))
    expect(error.message).toContain('403')
  })

  it('what a form or an image can send without asking carries no token, and gets nothing', async () => {
    const query = 'mutation { archiveProject(id: "x") { __typename } }'
    const sent = [
      fetch(`${server.url}/graphql?query=${encodeURIComponent('{ viewer { name } }')}`, { headers: { cookie: 'a=b' } }),
      ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'].map((type) =>
        fetch(`${server.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': type, cookie: 'a=b' },
          body: JSON.stringify({ query }),
        }),
      ),
    ]
    for (const response of await Promise.all(sent)) expect(response.status).toBe(401)
  })
})

describe('fields that have to be compared', () => {
  const compares = (limit: number, document: string) => comparesMoreThan(limit, parse(document))

  it('are those of one name in one place, also out of fragments, and what is in them', () => {
    const three = `{ viewer { id } ...a viewer { id name } } fragment a on Query { ... { viewer { id } } }`
    // Three pairs of viewers, and three of their ids.
    expect([compares(5, three), compares(6, three)]).toEqual([true, false])
    expect(compares(1, '{ viewer { id } x: viewer { id } projects { nodes { id } } }')).toBe(false)
  })

  it('are counted to the limit and no further, and where fragments contain themselves', () => {
    const levels = Array.from(
      { length: 300 },
      (_, at) => `fragment f${at} on A { a { ...f${at + 1} } b { ...f${at + 1} } }`,
    )
    expect(compares(1_000, `{ ...f0 } ${levels.join(' ')} fragment f300 on A { id }`)).toBe(true)
    expect(compares(1_000, '{ ...a } fragment a on A { x { ...b } } fragment b on A { x { ...a } }')).toBe(false)
  })
})

it('documents are kept by what they take, the last ones first, and long ones not at all', () => {
  const cache = createDocumentCache(10, 6)
  const document = { kind: 'Document', definitions: [] } as never
  for (const text of ['aaaa', 'bbbb', 'ccccccc']) cache.set(text, document)
  expect(['aaaa', 'bbbb', 'ccccccc'].map((text) => cache.get(text) !== undefined)).toEqual([true, true, false])
  cache.get('aaaa')
  cache.set('dddd', document)
  expect(['aaaa', 'bbbb', 'dddd'].map((text) => cache.get(text) !== undefined)).toEqual([true, false, true])
})
