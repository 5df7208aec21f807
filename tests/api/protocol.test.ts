import { request as httpRequest } from 'node:http'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rows } from '../../src/domain/shared/database.ts'
import { globalId, idempotentMutations, made, mutate, mutationDocument, stubSpec } from '../factories/api.ts'
import { actorWithToken, addsFile, readyProject } from '../factories/pipeline.ts'
import { checkpointOf, readRun, startedRun } from '../factories/runs.ts'
import { connectSocket, initiate, openSocket } from '../support/graphql-socket.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
let specId: string
let checkpointId: string
beforeAll(async () => {
  server = await startTestServer({ pools: { maintenance: 2 } })
  projectId = await readyProject(server)
  specId = await stubSpec(server, projectId)
  const run = await readRun(server, await startedRun(server, projectId, 'x'))
  checkpointId = checkpointOf(run, 'start')
})
afterAll(() => server[Symbol.asyncDispose]())

const post = (body: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${server.token}`,
      ...headers,
    },
    body,
  })

/** A body of so many bytes, without a length in its head. */
const postChunked = (bytes: number, token: string | null, type = 'application/json') =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const request = httpRequest(
      `${server.url}/graphql`,
      {
        method: 'POST',
        headers: { 'content-type': type, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('close', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        )
      },
    )
    // The server may hang up while the rest is on its way.
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error)
    })
    const query = JSON.stringify({ query: '{ viewer { name } }' })
    request.write(query.slice(0, -1))
    for (let left = bytes; left > 0; left -= 65_536) request.write(' '.repeat(Math.min(left, 65_536)))
    request.end('}')
  })

it('each of several changes in one request shows what there is after it', async () => {
  const change = (name: string) =>
    `updateProject(input: { id: $id, name: "${name}" }) { ... on Project { specs(first: 1) { nodes { project { name } } } } }`
  const shown = await server.query(
    `mutation ($id: ID!) { first: ${change('Once changed')} second: ${change('Twice changed')} }`,
    { id: projectId },
  )
  const specs = (name: string) => ({ specs: { nodes: [{ project: { name } }] } })
  expect(shown).toEqual({ first: specs('Once changed'), second: specs('Twice changed') })
})

describe('a request that is none', () => {
  it('a body over 16 MiB is answered with 413', async () => {
    const response = await post(JSON.stringify({ query: `{ viewer { name } } # ${'x'.repeat(16 * 1024 * 1024)}` }))
    expect([response.status, await response.text()]).toEqual([413, expect.stringContaining('larger than 16777216')])
  })

  it('a body over 16 MiB that does not say how long it is gets the same answer', async () => {
    expect((await postChunked(17 * 1024 * 1024, server.token)).status).toBe(413)
  })

  it('a small body that does not say how long it is is answered as any other', async () => {
    const { status, body } = await postChunked(100_000, server.token)
    expect([status, JSON.parse(body)]).toEqual([200, { data: { viewer: { name: 'Administrator' } } }])
  })

  it('nobody is read from who is not signed in', async () => {
    const { status, body } = await postChunked(1_000, null)
    expect([status, JSON.parse(body).errors[0].extensions]).toEqual([401, { code: 'UNAUTHENTICATED' }])
  })

  it.each([
    ['an array of operations', '[{"query":"{ viewer { name } }"},{"query":"{ viewer { name } }"}]'],
    ['a string', '"{ viewer { name } }"'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['no query', '{}'],
    ['a query that is no string', '{"query":{}}'],
    ['variables that are no object', '{"query":"{ viewer { name } }","variables":"x"}'],
    ['nothing', ''],
  ])('%s as the body is a 400 with a reason', async (_name, body) => {
    const response = await post(body)
    const answer = await response.json()
    expect(response.status).toBe(400)
    expect(answer.data).toBeUndefined()
    expect(answer.errors[0].message).not.toMatch(/Unexpected error/)
  })

  it('a mutation cannot be sent by GET', async () => {
    const query = encodeURIComponent('mutation { archiveProject(id: "x") { __typename } }')
    const response = await fetch(`${server.url}/graphql?query=${query}`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    expect(response.status).toBe(405)
  })

  it('a syntax error is reported with its place, an unknown field by its name', async () => {
    const broken = await server.request('{ viewer { ')
    expect(broken.errors?.[0]).toMatchObject({
      message: expect.stringContaining('Syntax Error'),
      locations: [{ line: 1, column: 12 }],
    })
    const unknown = await server.request('{ viewer { password } }')
    expect(unknown.errors?.[0]?.message).toContain('"password"')
  })

  it('thousands of aliases are answered or refused, and the server goes on', async () => {
    const aliases = Array.from({ length: 5_000 }, (_, index) => `a${index}: viewer { name }`).join(' ')
    const flooded = await server.request(`{ ${aliases} }`)
    expect(flooded.errors ?? Object.keys(flooded.data)).not.toHaveLength(0)
    expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } })
  })

  it('a document nested tens of thousands deep is an error, and the server goes on', async () => {
    const deep = `{ ${'a { '.repeat(50_000)} b ${'} '.repeat(50_000)} }`
    const { errors } = await server.request(deep)
    expect(errors).toBeDefined()
    expect(JSON.stringify(errors)).not.toMatch(/at .*\.[jt]s:/)
    expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } })
  })
})

describe('an error', () => {
  const words = /relation|select|insert|does not exist|kysely|postgres|mikro|\.ts\b|node_modules|at async/i

  it('that is a fault of the server is masked, over HTTP and WebSocket, and the object beside it is still answered', async () => {
    await using own = await startTestServer({ pools: {} })
    await sql`drop table outbox cascade`.execute(rows(own.context.services.em()))
    const input = { input: { name: 'x', source: { empty: true } } }
    const broken = await own.request(mutationDocument('createProject'), input)
    expect(broken.errors).toEqual([expect.objectContaining({ message: 'Unexpected error.' })])
    expect(broken.errors?.[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR')
    expect(JSON.stringify(broken)).not.toMatch(words)

    await sql`drop table project cascade`.execute(rows(own.context.services.em()))
    const beside = await own.request('{ viewer { name } projects { nodes { id } } }')
    expect(JSON.stringify(beside.errors)).not.toMatch(words)
    await using socket = await openSocket(own.url, own.token)
    const told = await socket.first('{ projects { nodes { id } } }')
    expect(JSON.stringify(told)).toContain('Unexpected error.')
    expect(JSON.stringify(told)).not.toMatch(words)
    expect(await own.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } })

    await sql`drop table api_token cascade`.execute(rows(own.context.services.em()))
    const locked = await own.request('{ viewer { name } }')
    expect([locked.status, locked.errors?.[0]?.message]).toEqual([500, 'Unexpected error.'])
    expect(JSON.stringify(await socket.first('{ viewer { name } }'))).toContain('Unexpected error.')
    await using refused = await connectSocket(own.url)
    initiate(refused, own.token)
    expect(await refused.closed).toEqual({ code: 4500, reason: 'Unexpected error.' })
  })

  it('of the domain in a query carries its code and words', async () => {
    const { errors } = await server.request('{ projects(first: 10000) { nodes { id } } }')
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('must be 0 to 200'),
      extensions: { code: 'VALIDATION' },
    })
  })

  it.each([
    ['projectEvents', 'projectId', 'Project'],
    ['sprintEvents', 'sprintId', 'Sprint'],
    ['diffEvents', 'diffId', 'Diff'],
  ])('of the domain in the subscription %s carries its code, over WebSocket and SSE', async (field, argument, type) => {
    const id = globalId(type, '6f1c1e2a-0000-4000-8000-000000000000')
    const query = `subscription ($id: ID!) { ${field}(${argument}: $id) { cursor } }`
    await using socket = await openSocket(server.url, server.token)
    const told = JSON.stringify(await socket.first(query, { id }))
    expect(told).toContain('"NOT_FOUND"')
    const stream = await post(JSON.stringify({ query, variables: { id } }), { accept: 'text/event-stream' })
    expect(await stream.text()).toContain('"NOT_FOUND"')
  })

  it('in a cursor of a subscription is the client’s', async () => {
    await using socket = await openSocket(server.url, server.token)
    for (const after of ['x', '1', '-1-1', `${'9'.repeat(20)}-${'9'.repeat(19)}`, "0-0'; drop table event"]) {
      const told = JSON.stringify(
        await socket.first(
          'subscription ($id: ID!, $after: String) { projectEvents(projectId: $id, after: $after) { cursor } }',
          {
            id: projectId,
            after,
          },
        ),
      )
      expect([after, told]).toEqual([after, expect.stringContaining('"VALIDATION"')])
    }
  })

  it('of syntax on a WebSocket ends its operation and leaves the others of the connection alone', async () => {
    await using socket = await openSocket(server.url, server.token)
    expect(JSON.stringify(await socket.first('{ viewer { '))).toContain('Syntax Error')
    expect(JSON.stringify(await socket.first('{ viewer { password } }'))).toContain('password')
    expect(await socket.first('{ viewer { name } }')).toEqual({ data: { viewer: { name: 'Administrator' } } })
  })

  it('of text that is not Unicode is the client’s on a WebSocket too', async () => {
    await using socket = await openSocket(server.url, server.token)
    const told = await socket.first(mutationDocument('createSpec'), { input: { projectId, task: '\ud800' } })
    expect(JSON.stringify(told)).toContain('BAD_USER_INPUT')
    expect(await socket.first('{ viewer { name } }')).toEqual({ data: { viewer: { name: 'Administrator' } } })
  })
})

describe('a clientMutationId', () => {
  const inputs: Readonly<Record<string, () => object>> = {
    createActor: () => ({ kind: 'HUMAN', name: 'twice' }),
    createProject: () => ({ name: 'twice', source: { empty: true } }),
    createSession: () => ({ projectId, title: 'twice' }),
    createSpec: () => ({ projectId, task: 'twice', mode: 'STUB' }),
    createSprint: () => ({ specId, name: 'twice', goal: 'x' }),
    createTestCase: () => ({ projectId, name: 'twice', command: ['true'] }),
    createVersion: () => ({ projectId, message: 'twice' }),
    createWebhook: () => ({ projectId, url: 'https://receiver.invalid/' }),
    forkRun: () => ({ checkpointId, label: 'twice' }),
    proposeDiff: () => ({ projectId, content: addsFile('twice.txt', ['twice']), commitMessage: 'Twice' }),
    startRun: () => ({ projectId, message: 'twice' }),
  }

  it('is taken by every mutation that makes an object a client names', () => {
    expect(idempotentMutations()).toEqual(Object.keys(inputs).sort())
  })

  it.each(Object.keys(inputs))(
    '%s answers 20 calls at once and a later one with the same object, and another actor with another',
    async (name) => {
      const call = (clientMutationId: string, token?: string) =>
        made(server, name, { input: { ...inputs[name]?.(), clientMutationId } }, token)
      const ids = await Promise.all(Array.from({ length: 20 }, () => call('the same')))
      ids.push(await call('the same'))
      expect(new Set(ids).size).toBe(1)
      const other = await actorWithToken(server, { name: `another for ${name}`, role: 'ADMIN' })
      expect(await call('the same', other.token)).not.toBe(ids[0])
      expect(await call('another')).not.toBe(ids[0])
    },
  )

  it('opens nothing of a project that its actor was shut out of since, whatever project is named now', async () => {
    const { id: actorId, token } = await actorWithToken(server, { name: 'shut out' })
    const other = await readyProject(server)
    for (const id of [projectId, other]) {
      await made(server, 'setProjectMember', { projectId: id, actorId, role: 'ADMIN' })
    }
    const sessionId = await made(server, 'createSession', { input: { projectId, title: 'x' } }, token)
    const otherSession = await made(server, 'createSession', { input: { projectId: other, title: 'x' } }, token)
    const message = { text: 'x', clientMutationId: 'before' }
    await made(server, 'sendMessage', { ...message, sessionId }, token)
    const names = Object.keys(inputs).filter((name) => 'projectId' in (inputs[name]?.() ?? {}))
    const input = (name: string) => ({ ...inputs[name]?.(), clientMutationId: 'before' })
    for (const name of names) await made(server, name, { input: input(name) }, token)
    await mutate(server, 'removeProjectMember', { projectId, actorId })
    const answers: Readonly<Record<string, unknown>> = Object.fromEntries(
      await Promise.all([
        ...names.map(async (name) => {
          const asked = { input: { ...input(name), projectId: other } }
          return [name, await mutate(server, name, asked, token)] as const
        }),
        mutate(server, 'sendMessage', { ...message, sessionId: otherSession }, token).then(
          (answer) => ['sendMessage', answer] as const,
        ),
      ]),
    )
    const refused = { __typename: 'ValidationError', fieldErrors: [{ path: ['clientMutationId'] }] }
    expect(answers).toMatchObject(Object.fromEntries([...names, 'sendMessage'].map((name) => [name, refused])))
  })

  it('of a call that was refused is free for the call that is put right', async () => {
    const clientMutationId = 'put right'
    const bad = { input: { projectId, task: '', mode: 'STUB', clientMutationId } }
    expect((await mutate(server, 'createSpec', bad)).__typename).toBe('ValidationError')
    expect(await stubSpec(server, projectId, { clientMutationId })).toEqual(expect.any(String))
  })

  it('leaves no ref of the proposals that lost the race', async () => {
    const input = { ...inputs.proposeDiff?.(), clientMutationId: 'raced' }
    const ids = await Promise.all(Array.from({ length: 8 }, () => made(server, 'proposeDiff', { input })))
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Project { diffs { nodes { id } } } } }',
      {
        id: projectId,
      },
    )
    expect(node.diffs.nodes.map(({ id }: { id: string }) => id)).toContain(ids[0])
    const { execFile } = await import('node:child_process')
    const { promisify } = await import('node:util')
    const directory = server.context.services.git.directory(
      Buffer.from(projectId, 'base64').toString().split(':')[1] ?? '',
    )
    const { stdout } = await promisify(execFile)('git', [
      '--git-dir',
      directory,
      'for-each-ref',
      'refs/countersign/diffs',
    ])
    expect(stdout.trim().split('\n')).toHaveLength(node.diffs.nodes.length)
  })
})
