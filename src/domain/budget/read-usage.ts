import type { EntityManager } from '@mikro-orm/postgresql'
import type { Provider } from '../ports/model-provider.ts'
import { rows } from '../shared/database.ts'

/** What a usage report is of. */
export type UsageOwner = 'projectId' | 'sprintId' | 'runId'

/** What one agent used of one model. costUsd is null when the model's price is not known. */
export interface AgentUsage {
  readonly agent: string
  readonly provider: Provider
  readonly model: string
  readonly rehearsal: boolean
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly costUsd: number | null
  readonly calls: number
  readonly unpricedCalls: number
}

export interface Usage {
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  /** Of the calls whose price is known. */
  readonly costUsd: number
  readonly unpricedCalls: number
  readonly calls: number
  readonly byAgent: readonly AgentUsage[]
}

const total = (byAgent: readonly AgentUsage[]): Usage => {
  const sum = (of: (usage: AgentUsage) => number) => byAgent.reduce((all, usage) => all + of(usage), 0)
  return {
    inputTokens: sum((usage) => usage.inputTokens),
    cachedInputTokens: sum((usage) => usage.cachedInputTokens),
    outputTokens: sum((usage) => usage.outputTokens),
    costUsd: sum((usage) => usage.costUsd ?? 0),
    unpricedCalls: sum((usage) => usage.unpricedCalls),
    calls: sum((usage) => usage.calls),
    byAgent,
  }
}

/** The answered calls of several projects, sprints or runs, by agent, in one query; in the order of the ids. */
export const readUsage = async (
  em: EntityManager,
  owner: UsageOwner,
  ids: readonly string[],
): Promise<readonly Usage[]> => {
  const found = await rows(em)
    .selectFrom('ModelCall')
    .select((row) => [
      `${owner} as ownerId` as const,
      'agent',
      'provider',
      'model',
      'rehearsal',
      row.fn.sum<string>('inputTokens').as('inputTokens'),
      row.fn.sum<string>('cachedInputTokens').as('cachedInputTokens'),
      row.fn.sum<string>('outputTokens').as('outputTokens'),
      row.fn.sum<number | null>('costUsd').as('costUsd'),
      row.fn.countAll<string>().as('calls'),
      row.fn.count<string>('costUsd').as('pricedCalls'),
    ])
    .where(owner, 'in', [...ids])
    .where('status', '=', 'ANSWERED')
    .groupBy([owner, 'agent', 'provider', 'model', 'rehearsal'])
    .orderBy('agent')
    .orderBy('provider')
    .execute()
  return ids.map((id) =>
    total(
      found
        .filter((row) => row.ownerId === id)
        .map((row) => ({
          agent: row.agent,
          provider: row.provider,
          model: row.model,
          rehearsal: row.rehearsal,
          inputTokens: Number(row.inputTokens),
          cachedInputTokens: Number(row.cachedInputTokens),
          outputTokens: Number(row.outputTokens),
          costUsd: row.costUsd === null ? null : Number(row.costUsd),
          calls: Number(row.calls),
          unpricedCalls: Number(row.calls) - Number(row.pricedCalls),
        })),
    ),
  )
}
