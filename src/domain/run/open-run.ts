import { randomUUID } from 'node:crypto'
import type { ModelProvider } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { AgentRun, type RunPurpose } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'
import { addCheckpoint } from './checkpoint.ts'
import type { Subagent } from './subagent.ts'

const subagentOf = (provider: ModelProvider): Subagent => ({
  provider: provider.provider,
  model: null,
  label: null,
  instructions: null,
})

/** Who works when nobody is named: one of each configured provider. */
export const defaultSubagents = (services: Services): readonly Subagent[] => services.models.configured.map(subagentOf)

/**
 * Who works: those named whose provider is configured, and a note on the others.
 * @throws ValidationError when none is left
 */
export const chooseSubagents = (
  services: Services,
  wanted: readonly Subagent[] | null,
): { subagents: readonly Subagent[]; note: string | null } => {
  const all = wanted ?? defaultSubagents(services)
  const subagents = all.filter((subagent) => services.models.get(subagent.provider))
  const missing = all.filter((subagent) => !services.models.get(subagent.provider)).map((subagent) => subagent.provider)
  if (subagents.length === 0) {
    throw fieldFault(
      'subagents',
      'no provider is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or REHEARSAL=always for the offline rehearsal',
    )
  }
  if (missing.length > 0) return { subagents, note: `Not configured, so left out: ${missing.join(', ')}.` }
  return {
    subagents,
    note: subagents.length === 1 ? 'Only one provider is configured, so there is one candidate.' : null,
  }
}

// Labels in the order in which candidates are shown: A, B, ... Z, then C27, C28, ...
const defaultLabel = (position: number): string =>
  position < 26 ? String.fromCharCode(65 + position) : `C${position + 1}`

export interface NewRun {
  readonly projectId: string
  readonly specId: string | null
  readonly sprintId: string | null
  readonly phaseId: string | null
  readonly purpose: RunPurpose
  readonly message: string
  /** Null for a run without workspaces. */
  readonly startTree: string | null
  readonly subagents: readonly Subagent[]
  readonly judge: Subagent | null
  readonly note: string | null
}

/** Stores a run, its candidates and, with a workspace, its `start` checkpoint. */
export const openRun = (
  services: Services,
  tx: Transaction,
  run: NewRun,
): { id: string; candidateIds: readonly string[] } => {
  const id = randomUUID()
  tx.em.create(AgentRun, { id, ...run, status: 'RUNNING', createdAt: tx.now })
  const candidateIds = run.subagents.map((subagent, position) => {
    const provider = services.models.get(subagent.provider)
    if (!provider) throw new Error(`The provider ${subagent.provider} is not configured.`)
    const candidateId = randomUUID()
    tx.em.create(Candidate, {
      id: candidateId,
      runId: id,
      position,
      label: subagent.label ?? defaultLabel(position),
      provider: subagent.provider,
      rehearsal: provider.rehearsal,
      modelName: subagent.model ?? provider.defaultModel,
      instructions: subagent.instructions,
      status: 'PENDING',
      tree: run.startTree,
      createdAt: tx.now,
    })
    return candidateId
  })
  if (run.startTree !== null) {
    addCheckpoint(
      tx,
      { ...run, id },
      { sequence: 0, label: 'start', tree: run.startTree, state: { message: run.message } },
    )
  }
  return { id, candidateIds }
}
