import { randomUUID } from 'node:crypto'
import type { BudgetLimits } from '../budget/open-budget.ts'
import { openShares } from '../budget/share-budget.ts'
import type { ConversationMessage, ModelProvider } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { AgentRun, type RunPurpose, type RunRole } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'
import { addCheckpoint } from './checkpoint.ts'
import { keepConversation } from './conversation.ts'
import { labelOf, type Subagent } from './subagent.ts'

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
  const all = wanted?.length ? wanted : defaultSubagents(services)
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

/** A run to be made. */
export interface NewRun {
  readonly projectId: string
  readonly specId: string | null
  readonly sprintId: string | null
  readonly phaseId: string | null
  readonly purpose: RunPurpose
  readonly role: RunRole
  readonly createdById: string
  readonly history?: readonly ConversationMessage[]
  readonly message: string
  readonly baseCommit: string | null
  /** Where every candidate's workspace starts, with its kept checkpoint; null for a run without workspaces. */
  readonly start: { readonly tree: string; readonly checkpointId: string } | null
  readonly subagents: readonly Subagent[]
  readonly judge: Subagent | null
  readonly note: string | null
  readonly metadata?: unknown
  /** Its own budget, for a run outside a sprint. */
  readonly budgetId?: string
  /** What its candidates share in equal parts. */
  readonly limits: BudgetLimits | null
  readonly replaysId?: string | null
  readonly fork?: { readonly fromId: string; readonly label: string; readonly reason: string | null }
  readonly deadlineAt?: Date
}

/** Stores a run, its candidates and, with a workspace, its `start` checkpoint. */
export const openRun = (
  services: Services,
  tx: Transaction,
  run: NewRun,
): { id: string; candidateIds: readonly string[] } => {
  const id = randomUUID()
  const { start, limits, fork, history = [], ...properties } = run
  tx.em.create(AgentRun, {
    ...properties,
    id,
    history,
    status: 'RUNNING',
    startTree: start?.tree ?? null,
    metadata: run.metadata ?? null,
    forkedFromId: fork?.fromId ?? null,
    forkLabel: fork?.label ?? null,
    forkReason: fork?.reason ?? null,
    createdAt: tx.now,
  })
  const shares = openShares(tx, limits, run.subagents.length)
  const candidateIds = run.subagents.map((subagent, position) => {
    const provider = services.models.get(subagent.provider)
    if (!provider) throw new Error(`The provider ${subagent.provider} is not configured.`)
    const candidateId = randomUUID()
    tx.em.create(Candidate, {
      id: candidateId,
      runId: id,
      position,
      label: labelOf(subagent, position),
      provider: subagent.provider,
      rehearsal: provider.rehearsal,
      modelName: subagent.model ?? provider.defaultModel,
      instructions: subagent.instructions,
      status: 'PENDING',
      tree: start?.tree ?? null,
      budgetId: shares[position] ?? null,
      createdAt: tx.now,
    })
    return candidateId
  })
  if (start) {
    const conversation = keepConversation([...history, { role: 'user', text: run.message }])
    addCheckpoint(
      tx,
      { ...run, id },
      { id: start.checkpointId, sequence: 0, label: 'start', tree: start.tree, state: { conversation } },
    )
  }
  return { id, candidateIds }
}
