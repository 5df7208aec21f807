import { z } from 'zod'
import type { Mutation, Operation } from '../graphql-client.ts'
import {
  agentFields,
  agentShape,
  approvalFields,
  approvalShape,
  decisionFields,
  decisionShape,
  safetyFields,
  safetyShape,
  testRunFields,
  testRunShape,
  usageFields,
  usageShape,
} from './shapes.ts'

const refusal = '... on DomainError { code message }'
const identity = z.object({ id: z.string() })

const mutation = <Data>(document: string, outcome: z.ZodType<Data>): Mutation<Data> => ({ document, outcome })
/** A query for one node: null when there is none. */
const node = <Data>(document: string, shape: z.ZodType<Data>): Operation<{ readonly node: Data | null }> => ({
  document,
  data: z.object({ node: shape.nullable() }),
})

export const readHealth: Operation<{
  readonly health: { readonly components: readonly { name: string; status: string; detail: string | null }[] }
}> = {
  document: 'query Health { health { components { name status detail } } }',
  data: z.object({
    health: z.object({
      components: z.array(z.object({ name: z.string(), status: z.string(), detail: z.string().nullable() })),
    }),
  }),
}

export const createProject = mutation(
  `mutation CreateProject($input: CreateProjectInput!) {
    outcome: createProject(input: $input) { ... on Project { id } ${refusal} }
  }`,
  identity,
)

export const readProject = node(
  `query ReadProject($id: ID!) {
    node(id: $id) { ... on Project { id name status failure targetBranch headCommit eventCursor } }
  }`,
  z.object({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    failure: z.string().nullable(),
    targetBranch: z.string(),
    headCommit: z.string().nullable(),
    eventCursor: z.string(),
  }),
)

export const createSpec = mutation(
  `mutation CreateSpec($input: CreateSpecInput!) {
    outcome: createSpec(input: $input) { ... on Spec { id } ${refusal} }
  }`,
  identity,
)

const interviewShape = z.object({
  status: z.string(),
  mode: z.string(),
  failure: z.string().nullable(),
  questions: z.array(
    z.object({ key: z.string(), question: z.string(), rationale: z.string(), answer: z.string().nullable() }),
  ),
  candidates: z.array(agentShape.extend({ status: z.string() })),
  errors: z.array(z.object({ provider: z.string(), modelName: z.string(), code: z.string(), message: z.string() })),
  decision: decisionShape.nullable(),
})
export type Interview = z.output<typeof interviewShape>

export const readInterview = node(
  `query ReadInterview($id: ID!) {
    node(id: $id) {
      ... on Spec {
        interview {
          status mode failure
          questions { key question rationale answer }
          candidates { ${agentFields} status }
          errors { provider modelName code message }
          decision { ${decisionFields} }
        }
      }
    }
  }`,
  z.object({ interview: interviewShape }),
)

export const answerInterview = mutation(
  `mutation AnswerInterview($specId: ID!, $answers: [InterviewAnswerInput!]!) {
    outcome: answerInterview(specId: $specId, answers: $answers) { ... on Spec { id } ${refusal} }
  }`,
  identity,
)

export const createSprint = mutation(
  `mutation CreateSprint($input: CreateSprintInput!) {
    outcome: createSprint(input: $input) { ... on Sprint { id } ${refusal} }
  }`,
  identity,
)

export const startSprint = mutation(
  `mutation StartSprint($id: ID!) {
    outcome: startSprint(id: $id) { ... on Sprint { id } ${refusal} }
  }`,
  identity,
)

const sprintShape = z.object({
  status: z.string(),
  failure: z.string().nullable(),
  plan: z.string().nullable(),
  diff: identity.nullable(),
  phases: z.array(
    z.object({
      kind: z.string(),
      attempt: z.number(),
      status: z.string(),
      summary: z.string().nullable(),
      runs: z.array(
        z.object({
          candidates: z.array(
            agentShape.extend({
              status: z.string(),
              metrics: z.object({
                durationMs: z.number(),
                turns: z.number(),
                toolCalls: z.number(),
                testsPassed: z.number().nullable(),
                testsFailed: z.number().nullable(),
              }),
            }),
          ),
          decision: decisionShape.nullable(),
        }),
      ),
    }),
  ),
  project: z.object({ usage: usageShape }),
})
export type Sprint = z.output<typeof sprintShape>

export const readSprint = node(
  `query ReadSprint($id: ID!) {
    node(id: $id) {
      ... on Sprint {
        status failure plan diff { id }
        phases {
          kind attempt status summary
          runs {
            candidates {
              ${agentFields} status
              metrics { durationMs turns toolCalls testsPassed testsFailed }
            }
            decision { ${decisionFields} }
          }
        }
        project { usage { ${usageFields} } }
      }
    }
  }`,
  sprintShape,
)

const diffShape = z.object({
  id: z.string(),
  status: z.string(),
  targetBranch: z.string(),
  content: z.string(),
  contentHash: z.string(),
  commitMessage: z.string(),
  additions: z.number(),
  deletions: z.number(),
  files: z.array(
    z.object({
      path: z.string(),
      previousPath: z.string().nullable(),
      kind: z.string(),
      additions: z.number(),
      deletions: z.number(),
      isTest: z.boolean(),
      isBinary: z.boolean(),
    }),
  ),
  safety: safetyShape,
  latestTestRun: testRunShape.nullable(),
  approval: approvalShape,
})
export type Diff = z.output<typeof diffShape>

export const readDiff = node(
  `query ReadDiff($id: ID!) {
    node(id: $id) {
      ... on Diff {
        id status targetBranch content contentHash commitMessage additions deletions
        files { path previousPath kind additions deletions isTest isBinary }
        safety { ${safetyFields} }
        latestTestRun { ${testRunFields} }
        approval { ${approvalFields} }
      }
    }
  }`,
  diffShape,
)

export const openReview = mutation(
  `mutation OpenReview($diffId: ID!) {
    outcome: openReview(diffId: $diffId) { ... on Diff { id } ${refusal} }
  }`,
  identity,
)

export const approveDiff = mutation(
  `mutation ReviewDiff($diffId: ID!, $contentHash: String!, $evaluationHash: String!) {
    outcome: reviewDiff(
      diffId: $diffId, verdict: APPROVE, contentHash: $contentHash, evaluationHash: $evaluationHash
    ) { ... on Diff { status approval { ${approvalFields} } } ${refusal} }
  }`,
  z.object({ status: z.string(), approval: approvalShape }),
)

export const commitDiff = mutation(
  `mutation CommitDiff($diffId: ID!) {
    outcome: commitDiff(diffId: $diffId) { ... on Diff { status commit { oid } } ${refusal} }
  }`,
  z.object({ status: z.string(), commit: z.object({ oid: z.string() }).nullable() }),
)

export const readCommit = node(
  `query ReadCommit($id: ID!) {
    node(id: $id) { ... on Diff { status commit { oid } } }
  }`,
  z.object({ status: z.string(), commit: z.object({ oid: z.string() }).nullable() }),
)
