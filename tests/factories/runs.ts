import type { TestServer } from '../support/server.ts'
import { made } from './api.ts'
import { rowId } from './pipeline.ts'

/** Pools of a server on which many runs are under way at once. */
export const manyCandidates = { maintenance: 4, planning: 4, phases: 8, candidates: 24, tests: 4 }

/** Starts a run outside a sprint. @returns its global id */
export const startedRun = (server: TestServer, projectId: string, message: string, input: object = {}) =>
  made(server, 'startRun', { input: { projectId, message, ...input } })

/** Starts a run from a checkpoint of another one. @returns its global id */
export const forkedRun = (server: TestServer, checkpointId: string, input: object = {}) =>
  made(server, 'forkRun', { input: { checkpointId, label: 'a fork', ...input } })

const runQuery = `query ($id: ID!) { node(id: $id) { ... on AgentRun {
  id status failure message workspaceRef input modelConfig durationMs forkLabel forkReason
  project { id } sprint { id } createdBy { id }
  forkedFrom { id label run { id } }
  candidates {
    id label provider modelName rehearsal status output tree patch
    toolCalls { name arguments result isError replayed }
    metrics { turns replayedTurns toolCalls inputTokens outputTokens costUsd durationMs testsPassed testsFailed }
    testRuns { status total passed }
    safety { safe addedCapabilities }
  }
  errors { provider modelName code message retryable }
  decision {
    method rationale failure selected { label } scores { score candidate { label } }
    overruled { method selected { label } } overruledBy { id } overruledAt
  }
  checkpoints { id label sequence tree state }
  usage { calls totalTokens costUsd unpricedCalls byAgent { agent calls costUsd inputTokens outputTokens } }
  budget { maxTokens maxCostUsd spentTokens spentCostUsd reservedTokens reservedCostUsd }
} } }`

export const readRun = async (server: TestServer, id: string) => (await server.query(runQuery, { id })).node

/** Waits until a run outside a sprint has ended, and reads it. */
export const endedRun = async (server: TestServer, id: string) => {
  const runId = rowId(id)
  await server.event('RunChanged', (body) => body.runId === runId && body.status !== 'RUNNING')
  return readRun(server, id)
}

/** The id of a run's checkpoint. */
export const checkpointOf = (
  run: { readonly checkpoints: readonly { readonly id: string; readonly label: string }[] },
  label: string,
): string => {
  const found = run.checkpoints.find((checkpoint) => checkpoint.label === label)
  if (!found) throw new Error(`The run has no checkpoint ${label}.`)
  return found.id
}

/** Waits until a candidate has a result. */
export const candidateEnded = async (server: TestServer, runId: string, label: string): Promise<void> => {
  const id = rowId(runId)
  await server.event('CheckpointReached', (body) => body.runId === id && body.label === `candidate:${label}`)
}
