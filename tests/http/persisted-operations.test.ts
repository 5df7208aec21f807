import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { ConfigError, readConfig } from '../../src/config.ts'
import { readPersistedOperations } from '../../src/http/persisted-operations.ts'
import { schema } from '../../src/schema/index.ts'
import { type GraphQLSocket, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const hashOf = (document: string) => createHash('sha256').update(document).digest('hex')

const viewer = 'query Viewer { viewer { name } }'
const page = 'query Page($first: Int) { projects(first: $first) { nodes { id } } }'
const introspection = '{ __schema { __typename } }'
const listed = Object.fromEntries([viewer, page, introspection].map((document) => [hashOf(document), document]))

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
/** In production, and executes what is listed alone. */
let closed: TestServer
/** Beside what is listed takes anything. */
let open: TestServer
let socket: GraphQLSocket

const stored = async (content: string): Promise<string> => {
  const file = join(directory.path, `${hashOf(content)}.json`)
  await writeFile(file, content)
  return file
}

beforeAll(async () => {
  directory = await temporaryDirectory(inject('files'))
  const PERSISTED_OPERATIONS = await stored(JSON.stringify(listed))
  const only = { PERSISTED_OPERATIONS, PERSISTED_OPERATIONS_ONLY: 'true', NODE_ENV: 'production' }
  ;[closed, open] = await Promise.all([
    startTestServer({ pools: {}, env: only }),
    startTestServer({ pools: {}, env: { PERSISTED_OPERATIONS, INTROSPECTION: 'false' } }),
  ])
  socket = await openSocket(closed.url, closed.token)
})
afterAll(async () => {
  await socket[Symbol.asyncDispose]()
  await closed[Symbol.asyncDispose]()
  await open[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

interface Sent {
  readonly query?: string
  readonly hash?: string
  readonly variables?: object
}

const payload = ({ query, hash, variables }: Sent) => ({
  ...(query !== undefined && { query }),
  ...(hash !== undefined && { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }),
  variables,
})

const overHttp =
  (server: () => TestServer) =>
  async (sent: Sent): Promise<object> => {
    const response = await fetch(`${server().url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server().token}` },
      body: JSON.stringify(payload(sent)),
    })
    return response.json()
  }

/** Its answer, in the form that HTTP has. */
const overWebSocket = async (sent: Sent): Promise<object> => {
  const id = JSON.stringify(sent)
  const answered = new Promise<object>((resolve) => {
    const read = (data: unknown) => {
      const message = JSON.parse(String(data))
      if (message.id !== id || message.type === 'complete') return
      socket.socket.off('message', read)
      resolve(message.type === 'error' ? { errors: message.payload } : message.payload)
    }
    socket.socket.on('message', read)
  })
  socket.socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query: '', ...payload(sent) } }))
  return answered
}

const administrator = { data: { viewer: { name: 'Administrator' } } }
const codes = (code: string) => ({ errors: [{ extensions: { code } }] })

describe.each([
  ['HTTP', overHttp(() => closed)],
  ['WebSocket', overWebSocket],
])('where nothing else is taken, over %s,', (_transport, send) => {
  it('an operation is executed by its hash, with variables', async () => {
    expect(await send({ hash: hashOf(viewer) })).toEqual(administrator)
    expect(await send({ hash: hashOf(page).toUpperCase(), variables: { first: 1 } })).toEqual({
      data: { projects: { nodes: [] } },
    })
  })

  it('the text of one that is listed is as good as its hash', async () => {
    expect(await send({ query: viewer })).toEqual(administrator)
  })

  it('others are refused, whatever is said beside them', async () => {
    const other = '{ viewer { id } }'
    expect(await send({ query: other })).toMatchObject(codes('PERSISTED_OPERATION_ONLY'))
    expect(await send({ query: `${viewer} `, hash: hashOf(viewer) })).toMatchObject(codes('PERSISTED_OPERATION_ONLY'))
    expect(await send({ query: '{' })).toMatchObject(codes('PERSISTED_OPERATION_ONLY'))
    expect(await send({ hash: hashOf(other) })).toMatchObject(codes('PERSISTED_QUERY_NOT_FOUND'))
    expect(await send({})).toMatchObject(codes('PERSISTED_OPERATION_ONLY'))
    expect(await send({ hash: '__proto__' })).toMatchObject(codes('PERSISTED_QUERY_NOT_FOUND'))
  })

  it('the API does not describe itself in production', async () => {
    expect(await send({ query: introspection })).toMatchObject(codes('GRAPHQL_VALIDATION_FAILED'))
  })
})

it('beside those that are listed, others are executed where nothing forbids it', async () => {
  const send = overHttp(() => open)
  expect(await send({ hash: hashOf(viewer) })).toEqual(administrator)
  expect(await send({ query: '{ viewer { role } }' })).toEqual({ data: { viewer: { role: 'ADMIN' } } })
  expect(await send({ hash: hashOf('{ viewer { role } }') })).toMatchObject({
    errors: [{ message: 'PersistedQueryNotFound' }],
  })
  expect(await send({})).toMatchObject({ errors: [{ message: 'Must provide query string.' }] })
})

it('without introspection nothing is said of the schema, also not by guessing; with it names are', async () => {
  const message = (answer: object) => (answer as { errors: { message: string }[] }).errors[0]?.message
  const send = overHttp(() => open)
  expect(message(await send({ query: introspection }))).toContain('introspection has been disabled')
  expect(message(await send({ query: '{ viewr { name } }' }))).not.toContain('viewer')
  expect(await send({ query: '{ __typename }' })).toEqual({ data: { __typename: 'Query' } })
})

describe('a file of persisted operations', () => {
  const read = async (content: string) => readPersistedOperations({ file: await stored(content), only: false }, schema)

  it('is refused with every document that cannot be executed, each by its hash', async () => {
    const unknown = '{ viewer { password } }'
    const broken = '{ viewer {'
    const entries = { [hashOf(unknown)]: unknown, [hashOf(broken)]: broken, abc: viewer, [hashOf(page)]: page }
    const error = await read(JSON.stringify(entries)).then(
      () => new Error('It was taken.'),
      (fault: Error) => fault,
    )
    expect(error.message).toMatch(/^PERSISTED_OPERATIONS: .*cannot be used:\n/)
    expect(error.message).toContain(`"${hashOf(unknown)}": Cannot query field "password"`)
    expect(error.message).toContain(`"${hashOf(broken)}": Syntax Error`)
    expect(error.message).toContain(`"abc": the SHA-256 of its document is ${hashOf(viewer)}`)
    expect(error.message).not.toContain(hashOf(page))
  })

  it.each(['', '[]', '{"a":1}', 'null'])('%j is none', async (content) => {
    await expect(read(content)).rejects.toThrow(/PERSISTED_OPERATIONS/)
  })

  it('that is not there stops the start, and the configuration names what is missing', async () => {
    const env = { PERSISTED_OPERATIONS: join(directory.path, 'gone.json') }
    await expect(startTestServer({ pools: {}, env })).rejects.toThrow(/gone\.json cannot be used/)
    const faulty = () => readConfig({ PERSISTED_OPERATIONS_ONLY: 'true', PORT: 'x', INTROSPECTION: 'perhaps' })
    expect(faulty).toThrow(ConfigError)
    for (const name of ['PERSISTED_OPERATIONS_ONLY', 'PORT', 'INTROSPECTION']) expect(faulty).toThrow(name)
  })
})

it('GraphiQL and introspection are off in production, and each is switched by itself', () => {
  const read = (env: Readonly<Record<string, string>>) => {
    const { graphiql, introspection: describes } = readConfig(env).api
    return [graphiql, describes]
  }
  expect(read({})).toEqual([true, true])
  expect(read({ NODE_ENV: 'production' })).toEqual([false, false])
  expect(read({ NODE_ENV: 'production', GRAPHIQL: 'true' })).toEqual([true, false])
  expect(read({ NODE_ENV: 'production', INTROSPECTION: 'true' })).toEqual([false, true])
  expect(read({ GRAPHIQL: 'false', INTROSPECTION: 'false' })).toEqual([false, false])
})
