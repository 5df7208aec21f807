import type { TestServer } from '../support/server.ts'
import { rowId } from './pipeline.ts'

export interface NewTestCase {
  readonly name?: string
  readonly command: readonly string[]
  readonly quick?: boolean
  readonly timeoutMs?: number
  readonly allowModels?: boolean
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
  readonly cached: boolean
  readonly total: number
  readonly passed: number
  readonly failed: number
  readonly results: readonly ShownResult[]
}

const testRunFields = `id status sandbox cached total passed failed
  results { name status exitCode stdout stderr truncated error testCase { id } }`

/** The newest test run of a diff, as it stands. */
export const latestTestRun = async (server: TestServer, diffId: string): Promise<ShownTestRun> => {
  const { node } = await server.query(
    `query ($id: ID!) { node(id: $id) { ... on Diff { latestTestRun {
      ${testRunFields}
    } } } }`,
    { id: diffId },
  )
  return node.latestTestRun
}

/** The same once it has ended. */
export const endedTestRun = async (server: TestServer, diffId: string): Promise<ShownTestRun> =>
  endedRun(server, (await latestTestRun(server, diffId)).id)

/** What testDiff and cancelTestRun answer: the test run, or the error's type and words. */
export interface TestRunAnswer extends ShownTestRun {
  readonly __typename: string
  readonly message?: string
  readonly from?: string
}

const answerFields = `__typename
  ... on TestRun { ${testRunFields} }
  ... on DomainError { message }
  ... on InvalidTransitionError { from }`

export const testDiff = async (
  server: TestServer,
  diffId: string,
  options: { testCaseIds?: readonly string[]; force?: boolean; token?: string } = {},
): Promise<TestRunAnswer> => {
  const { token, ...variables } = options
  const document = `mutation ($id: ID!, $testCaseIds: [ID!], $force: Boolean) {
    testDiff(diffId: $id, testCaseIds: $testCaseIds, force: $force) { ${answerFields} }
  }`
  return (await server.query(document, { id: diffId, ...variables }, token)).testDiff
}

export const cancelTestRun = async (server: TestServer, id: string, token?: string): Promise<TestRunAnswer> => {
  const document = `mutation ($id: ID!) { cancelTestRun(id: $id) { ${answerFields} } }`
  return (await server.query(document, { id }, token)).cancelTestRun
}

/** A test run as it stands. */
export const shownTestRun = async (server: TestServer, id: string): Promise<ShownTestRun> =>
  (await server.query(`query ($id: ID!) { node(id: $id) { ... on TestRun { ${testRunFields} } } }`, { id })).node

/** The same once it has ended. */
export const endedRun = async (server: TestServer, id: string): Promise<ShownTestRun> => {
  const run = rowId(id)
  await server.event(
    'TestRunChanged',
    (body) => body.testRunId === run && ['PASSED', 'FAILED', 'ERRORED', 'CANCELED'].includes(body.status),
  )
  return shownTestRun(server, id)
}
