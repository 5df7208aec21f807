import type { TestServer } from '../support/server.ts'
import { made } from './api.ts'
import { rowId } from './pipeline.ts'

export const sessionQuery = `query ($id: ID!) { node(id: $id) { ... on Session {
  title coder evaluator busy closedAt
  messages(first: 25) { nodes {
    id role iteration text status failure rehearsal traceId providerResponse author { name }
    usage { calls inputTokens outputTokens }
    toolCalls { name arguments result isError }
    diff { id }
  } }
  diffs(first: 25) { nodes {
    id origin status iteration evaluatorReasoning commitMessage contentHash content baseCommit resultTree prompt
    author { name } requestedBy { name } session { id } supersedes { id } supersededBy { id }
    files { path } safety { evaluationHash } latestTestRun { status results { name status } }
  } }
  pendingDiffs { id status }
  usage { calls totalTokens byAgent { agent calls model } }
  budget { maxTokens spentTokens reservedTokens }
} } }`

export const readSession = async (server: Pick<TestServer, 'query'>, id: string, token?: string) =>
  (await server.query(sessionQuery, { id }, token)).node

export const createdSession = (server: TestServer, projectId: string, input: object = {}, token?: string) =>
  made(server, 'createSession', { input: { projectId, ...input } }, token)

/** Says something. @returns the message's id */
export const said = (server: TestServer, sessionId: string, text: string, token?: string) =>
  made(server, 'sendMessage', { sessionId, text }, token)

/** Waits until the agents have become idle so often, and reads the session. */
export const idleSession = async (server: TestServer, id: string, times = 1) => {
  const sessionId = rowId(id)
  let seen = 0
  await server.event('SessionChanged', (body) => {
    // The first one is said when the session is opened.
    if (body.sessionId === sessionId && !body.busy) seen += 1
    return seen === times + 1
  })
  return readSession(server, id)
}

/** A message that is worked on to the end, in a session of its own unless one is given. */
export const talked = async (server: TestServer, projectId: string, text: string, input: object = {}) => {
  const id = await createdSession(server, projectId, input)
  await said(server, id, text)
  return { id, ...(await idleSession(server, id)) }
}
