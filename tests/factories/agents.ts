import type { TestServer } from '../support/server.ts'
import { endedSprint, readyProject, rowId, startedSprint, validatedSpec } from './pipeline.ts'

const expectSpec = (answer: { __typename: string; id: string; message?: string }): string => {
  if (answer.__typename !== 'Spec') throw new Error(`${answer.__typename}: ${answer.message}`)
  return answer.id
}

export const specQuery = `query ($id: ID!) { node(id: $id) { ... on Spec {
  status assessment { complexity }
  interview {
    status mode failure
    questions { key question answer }
    candidates { label provider status rehearsal }
    errors { provider code message retryable }
    decision { method merged provider rationale failure selected { label } scores { score candidate { label } } }
  }
} } }`

/** Asks for an interview, which begins at once. @returns the spec's global id */
export const askedSpec = async (server: TestServer, projectId: string, task: string, input: object = {}) => {
  const { createSpec } = await server.query(
    `mutation ($input: CreateSpecInput!) {
      createSpec(input: $input) { __typename ... on Spec { id } ... on DomainError { message } }
    }`,
    { input: { projectId, task, ...input } },
  )
  return expectSpec(createSpec)
}

/** Waits until an interview is in one of the states, in which it has been so often, and reads its spec. */
export const interviewedSpec = async (server: TestServer, id: string, states: readonly string[], times = 1) => {
  const specId = rowId(id)
  let seen = 0
  await server.event('InterviewChanged', (body) => {
    if (body.specId === specId && states.includes(body.status)) seen += 1
    return seen === times
  })
  return (await server.query(specQuery, { id })).node
}

export const settledInterview = ['NEEDS_ANSWERS', 'ANSWERED', 'FAILED']

export const sprintQuery = `query ($id: ID!) { node(id: $id) { ... on Sprint {
  status failure plan
  phases {
    kind attempt status summary
    runs {
      id status message
      candidates {
        id label provider status output tree patch
        toolCalls { name arguments result isError }
        metrics { turns testsPassed testsFailed }
      }
      errors { provider code message retryable }
      decision { method provider rationale failure selected { label } scores { score candidate { label } } }
      checkpoints { label sequence tree }
    }
  }
  usage { calls inputTokens outputTokens totalTokens costUsd unpricedCalls byAgent { agent calls costUsd inputTokens } }
  budget { maxTokens spentTokens reservedTokens spentCostUsd reservedCostUsd }
  diff { id status iteration contentHash content files { path kind } safety { evaluationHash } }
} } }`

export const readSprint = async (server: TestServer, id: string) => (await server.query(sprintQuery, { id })).node

/** An empty project with a test that passes on anything: without one no verification succeeds. */
export const testedProject = async (server: TestServer, input: Parameters<typeof readyProject>[1] = {}) => {
  const projectId = await readyProject(server, input)
  await testCase(server, projectId, 'passes', ['true'])
  return projectId
}

/** A sprint of a task from its interview to its end, in an empty project with a test unless one is given. */
export const playedSprint = async (
  server: TestServer,
  task: string,
  options: { projectId?: string; sprint?: object } = {},
) => {
  const projectId = options.projectId ?? (await testedProject(server))
  const id = await startedSprint(server, await validatedSpec(server, projectId, task), options.sprint)
  await endedSprint(server, id)
  return { id, projectId, ...(await readSprint(server, id)) }
}

/** A check of a project: a command whose exit status decides. */
export const testCase = async (server: TestServer, projectId: string, name: string, command: readonly string[]) => {
  const { createTestCase } = await server.query(
    `mutation ($input: CreateTestCaseInput!) {
      createTestCase(input: $input) { __typename ... on DomainError { message } }
    }`,
    { input: { projectId, name, command } },
  )
  if (createTestCase.__typename !== 'TestCase') throw new Error(createTestCase.message)
}
