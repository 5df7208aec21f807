import { parse, validate } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { readyProject } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { blocks } from './pages.ts'

const [mutation = ''] = blocks('README.md', 'graphql')
const [answer = ''] = blocks('README.md', 'json')

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

it('the mutation in the README is one that the schema takes', () => {
  expect(validate(schema, parse(mutation))).toEqual([])
})

it('what the page on agents asks is what the schema takes', () => {
  const documents = blocks('docs/MCP.md', 'graphql')
  expect(documents.map((document) => validate(schema, parse(document)))).toEqual([[]])
})

it('the answer in the README is what the sample project answers', async () => {
  const project = await readyProject(server, { source: { template: 'calculator-python' } })
  const { data, errors } = await server.request(mutation, { project })
  expect({ data, errors }).toEqual({ ...JSON.parse(answer), errors: undefined })
})
