import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createGraphQLClient, RefusedError, RequestError } from '../../src/cli/graphql-client.ts'

/** Answers every request with one body; `hang` never answers. */
const serve = async (body: unknown, options: { readonly contentType?: string; readonly hang?: boolean } = {}) => {
  const seen: { authorization: string | undefined; body: string }[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    seen.push({ authorization: request.headers.authorization, body: text })
    if (options.hang) return
    response.writeHead(200, { 'content-type': options.contentType ?? 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const query = { document: 'query Name { name }', data: z.object({ name: z.string() }) }
const mutation = { document: 'mutation Make { outcome: make { id } }', outcome: z.object({ id: z.string() }) }
const clientOf = (url: string, signal = new AbortController().signal) =>
  createGraphQLClient({ url, token: 'secret', signal })

test('a query carries the token and gives what its shape says', async () => {
  await using server = await serve({ data: { name: 'x', more: 1 } })
  expect(await clientOf(server.url).query(query, { a: 1 })).toEqual({ name: 'x' })
  expect(server.seen[0]?.authorization).toBe('Bearer secret')
  expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ query: query.document, variables: { a: 1 } })
})

test("an error of the domain is thrown with its code and the server's own words", async () => {
  await using server = await serve({ data: { outcome: { code: 'BASE_DRIFT', message: 'The branch moved.' } } })
  await expect(clientOf(server.url).mutate(mutation)).rejects.toThrow(
    expect.objectContaining({ constructor: RefusedError, code: 'BASE_DRIFT', message: 'The branch moved.' }),
  )
})

test.each([
  { name: 'GraphQL errors', body: { errors: [{ message: 'Not signed in' }] }, says: 'Not signed in' },
  { name: 'another shape', body: { data: { name: 7 } }, says: 'Name is not what its schema says' },
  { name: 'broken JSON', body: '{', says: 'Name: no answer' },
])('$name are told, with the name of the operation', async ({ body, says }) => {
  await using server = await serve(body)
  await expect(clientOf(server.url).query(query)).rejects.toThrow(says)
})

test('a page that is no JSON is told with its status', async () => {
  await using server = await serve('<html>', { contentType: 'text/html' })
  await expect(clientOf(server.url).query(query)).rejects.toThrow('HTTP 200 and no JSON')
})

test('no server is told with its address', async () => {
  await expect(clientOf('http://127.0.0.1:9').query(query)).rejects.toThrow(RequestError)
  await expect(clientOf('http://127.0.0.1:9').query(query)).rejects.toThrow('http://127.0.0.1:9/graphql')
})

test("an abort ends a request with the abort's own reason", async () => {
  await using server = await serve({}, { hang: true })
  const stop = new AbortController()
  const answer = clientOf(server.url, stop.signal).query(query)
  stop.abort(new Error('enough'))
  await expect(answer).rejects.toThrow('enough')
})
