import { z } from 'zod'
import type { Subscription } from '../graphql-client.ts'
import { agentFields, agentShape } from './shapes.ts'

const base = { cursor: z.string(), at: z.string() }
const sprint = z.object({ id: z.string() })

const known = z.discriminatedUnion('__typename', [
  z.object({
    __typename: z.literal('InterviewChanged'),
    ...base,
    interviewStatus: z.string(),
    spec: z.object({ id: z.string() }),
  }),
  z.object({
    __typename: z.literal('SprintChanged'),
    ...base,
    sprintStatus: z.string(),
    sprint: z.object({ id: z.string(), failure: z.string().nullable() }),
  }),
  z.object({
    __typename: z.literal('PhaseChanged'),
    ...base,
    phaseStatus: z.string(),
    sprint,
    phase: z.object({ id: z.string(), kind: z.string(), attempt: z.number(), summary: z.string().nullable() }),
  }),
  z.object({
    __typename: z.literal('CheckpointReached'),
    ...base,
    label: z.string(),
    sequence: z.number(),
    run: z.object({ id: z.string() }),
  }),
  z.object({
    __typename: z.literal('ToolCalled'),
    ...base,
    tool: z.string(),
    isError: z.boolean(),
    candidate: agentShape.extend({ id: z.string() }).nullable(),
  }),
  z.object({
    __typename: z.literal('TokensUsed'),
    ...base,
    agent: z.string(),
    iteration: z.number(),
    provider: z.string(),
    model: z.string(),
    rehearsal: z.boolean(),
    inputTokens: z.number(),
    outputTokens: z.number(),
    costUsd: z.number().nullable(),
  }),
  z.object({
    __typename: z.literal('SessionChanged'),
    ...base,
    busy: z.boolean(),
    session: z.object({ id: z.string() }),
  }),
  z.object({
    __typename: z.literal('MessageAdded'),
    ...base,
    message: z.object({
      id: z.string(),
      role: z.string(),
      iteration: z.number(),
      text: z.string(),
      failure: z.string().nullable(),
      toolCalls: z.array(z.object({ name: z.string(), isError: z.boolean(), result: z.string() })),
    }),
  }),
  z.object({
    __typename: z.literal('DiffChanged'),
    ...base,
    diffStatus: z.string(),
    diff: z.object({ id: z.string() }),
  }),
  z.object({
    __typename: z.literal('TestRunChanged'),
    ...base,
    testRunStatus: z.string(),
    finished: z.number(),
    total: z.number(),
    testRun: z.object({
      id: z.string(),
      passed: z.number(),
      failed: z.number(),
      sandbox: z.string(),
      diff: z.object({ id: z.string() }).nullable(),
      session: z.object({ id: z.string() }).nullable(),
      candidate: agentShape.nullable(),
    }),
  }),
])

/** One that this client does not know, of a newer server: only its cursor matters. */
const unknown = z
  .object({ __typename: z.string(), ...base })
  .transform(({ cursor, at }) => ({ __typename: 'Other' as const, cursor, at }))

const event = z.union([known, unknown])
export type ProjectEvent = z.output<typeof event>

/** Fields of different enums are aliased: one selection cannot hold several types under one name. */
export const projectEvents: Subscription<ProjectEvent> = {
  document: `subscription ProjectEvents($projectId: ID!, $after: String) {
    event: projectEvents(projectId: $projectId, after: $after) {
      __typename cursor at
      ... on InterviewChanged { interviewStatus: status spec { id } }
      ... on SprintChanged { sprintStatus: status sprint { id failure } }
      ... on PhaseChanged { phaseStatus: status sprint { id } phase { id kind attempt summary } }
      ... on CheckpointReached { label sequence run { id } }
      ... on ToolCalled { tool isError candidate { id ${agentFields} } }
      ... on TokensUsed { agent iteration provider model rehearsal inputTokens outputTokens costUsd }
      ... on SessionChanged { busy session { id } }
      ... on MessageAdded { message { id role iteration text failure toolCalls { name isError result } } }
      ... on DiffChanged { diffStatus: status diff { id } }
      ... on TestRunChanged {
        testRunStatus: status finished total
        testRun { id passed failed sandbox diff { id } session { id } candidate { ${agentFields} } }
      }
    }
  }`,
  event,
}
