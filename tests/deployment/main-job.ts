import { randomUUID } from 'node:crypto'
import { sampleTask } from '../factories/pipeline.ts'
import type { OutsideClient } from './outside-client.ts'

const mutation = async (
  client: OutsideClient,
  type: string,
  name: string,
  input: object,
): Promise<{ readonly id: string }> => {
  const { [name]: answer } = await client.query(
    `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Node { id } ... on DomainError { message } } }`,
    { input: { ...input, clientMutationId: randomUUID() } },
  )
  if (answer.message !== undefined) throw new Error(`${name}: ${answer.message}`)
  return answer
}

/** A project with the sample's code, made ready. @returns its id */
export const sampleProject = async (client: OutsideClient): Promise<string> => {
  const { id } = await mutation(client, 'CreateProjectInput', 'createProject', {
    name: 'calculator',
    source: { template: 'calculator-python' },
  })
  const { node } = await client.until(
    'query ($id: ID!) { node(id: $id) { ... on Project { status failure } } }',
    { id },
    ({ node: { status } }) => status !== 'CREATING',
  )
  if (node.status !== 'READY') throw new Error(`The project is ${node.status}: ${node.failure}`)
  return id
}

/** The sample's sprint, under way. @returns its id */
export const startedSprint = async (client: OutsideClient, projectId: string): Promise<string> => {
  const { task, answers } = await sampleTask()
  const { id: specId } = await mutation(client, 'CreateSpecInput', 'createSpec', { projectId, task })
  const { node } = await client.until(
    'query ($id: ID!) { node(id: $id) { ... on Spec { interview { status failure questions { key } } } } }',
    { id: specId },
    ({ node: { interview } }) => !['QUEUED', 'RUNNING'].includes(interview.status),
  )
  await client.query(
    `mutation ($id: ID!, $answers: [InterviewAnswerInput!]!) {
      answerInterview(specId: $id, answers: $answers) { __typename }
    }`,
    {
      id: specId,
      answers: node.interview.questions.map(({ key }: { key: string }) => ({ key, answer: answers[key] ?? 'Yes.' })),
    },
  )
  const sprint = { specId, name: 'a sprint', goal: 'Do the task.', deadlineSeconds: 600 }
  const { id } = await mutation(client, 'CreateSprintInput', 'createSprint', sprint)
  await client.query('mutation ($id: ID!) { startSprint(id: $id) { __typename } }', { id })
  return id
}

const sprintQuery = `query ($id: ID!) { node(id: $id) { ... on Sprint {
  status failure diff { id contentHash safety { evaluationHash } testRuns { status sandbox } }
} } }`

/** A sprint when it has ended. */
export const endedSprint = async (client: OutsideClient, id: string) => {
  const { node } = await client.until(sprintQuery, { id }, ({ node: { status } }) =>
    ['COMPLETED', 'FAILED', 'CANCELED'].includes(status),
  )
  return node
}

/** Approves a sprint's diff and commits it. @returns what the commit answered */
export const countersigned = async (client: OutsideClient, diff: Awaited<ReturnType<typeof endedSprint>>['diff']) => {
  await client.query(
    `mutation ($id: ID!, $content: String!, $evaluation: String!) {
      reviewDiff(diffId: $id, verdict: APPROVE, contentHash: $content, evaluationHash: $evaluation) { __typename }
    }`,
    { id: diff.id, content: diff.contentHash, evaluation: diff.safety.evaluationHash },
  )
  const { commitDiff } = await client.query(
    `mutation ($id: ID!) { commitDiff(diffId: $id) {
      __typename ... on Diff { status commit { oid } } ... on DomainError { message }
    } }`,
    { id: diff.id },
  )
  return commitDiff
}
