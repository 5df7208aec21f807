import { z } from 'zod'
import type { Mutation, Operation, Subscription } from '../graphql-client.ts'
import { usageFields, usageShape } from './shapes.ts'

const refusal = '... on DomainError { code message }'
const identity = z.object({ id: z.string() })

export const createSession: Mutation<{ readonly id: string }> = {
  document: `mutation CreateSession($input: CreateSessionInput!) {
    outcome: createSession(input: $input) { ... on Session { id } ${refusal} }
  }`,
  outcome: identity,
}

export const sendMessage: Mutation<{ readonly id: string }> = {
  document: `mutation SendMessage($sessionId: ID!, $text: String!) {
    outcome: sendMessage(sessionId: $sessionId, text: $text) { ... on Message { id } ${refusal} }
  }`,
  outcome: identity,
}

const agentShape = z.object({ provider: z.string(), model: z.string(), rehearsal: z.boolean() })
export type SessionAgent = z.output<typeof agentShape>

const sessionShape = z.object({
  coder: agentShape,
  evaluator: agentShape,
  pendingDiffs: z.array(identity),
  messages: z.object({
    nodes: z.array(z.object({ role: z.string(), status: z.string().nullable(), failure: z.string().nullable() })),
  }),
  usage: usageShape,
})
export type Session = z.output<typeof sessionShape>

export const readSession: Operation<{ readonly node: Session | null }> = {
  document: `query ReadSession($id: ID!) {
    node(id: $id) {
      ... on Session {
        coder evaluator pendingDiffs { id }
        messages(last: 200) { nodes { role status failure } }
        usage { ${usageFields} }
      }
    }
  }`,
  data: z.object({ node: sessionShape.nullable() }),
}

const textShape = z.object({
  messageId: z.string(),
  agent: z.string(),
  iteration: z.number(),
  offset: z.number(),
  text: z.string(),
})

/** What the agents write, as they write it. */
export const sessionText: Subscription<z.output<typeof textShape>> = {
  document: `subscription SessionText($sessionId: ID!) {
    event: sessionText(sessionId: $sessionId) { messageId agent iteration offset text }
  }`,
  event: textShape,
}
