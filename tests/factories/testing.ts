import type { TestServer } from '../support/server.ts'
import { rowId } from './pipeline.ts'

export interface NewTestCase {
  readonly name?: string
  readonly command: readonly string[]
  readonly quick?: boolean
  readonly timeoutMs?: number
  readonly files?: readonly { readonly path: string; readonly text: string }[]
}

/** A test case of a project, or the refusal's type and words. */
export const testCase = async (
  server: TestServer,
  projectId: string,
  input: NewTestCase,
): Promise<{ __typename: string; id: string; message?: string }> => {
  const { createTestCase } = await server.query(
    `mutation ($input: CreateTestCaseInput!) {
      createTestCase(input: $input) { __typename ... on TestCase { id } ... on DomainError { message } }
    }`,
    { input: { projectId, name: 'a test', ...input } },
  )
  return createTestCase
}

export interface ShownResult {
  readonly name: string
  readonly status: string
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly error: string | null
  readonly testCase: { readonly id: string } | null
}

export interface ShownTestRun {
  readonly id: string
  readonly status: string
  readonly sandbox: string
  readonly total: number
  readonly passed: number
  readonly failed: number
  readonly results: readonly ShownResult[]
}

/** The newest test run of a diff, as it stands. */
export const latestTestRun = async (server: TestServer, diffId: string): Promise<ShownTestRun> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff { latestTestRun {
      id status sandbox total passed failed
      results { name status exitCode stdout stderr truncated error testCase { id } }
    } } } }`,
    { id: diffId },
  )
  return node.latestTestRun
}

/** The same once it has ended. */
export const endedTestRun = async (server: TestServer, diffId: string): Promise<ShownTestRun> => {
  const id = rowId((await latestTestRun(server, diffId)).id)
  await server.event(
    'TestRunChanged',
    (body) => body.testRunId === id && ['PASSED', 'FAILED', 'ERRORED', 'CANCELED'].includes(body.status),
  )
  return latestTestRun(server, diffId)
}
