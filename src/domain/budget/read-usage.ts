import type { EntityManager } from '@mikro-orm/postgresql'
import type { Provider } from '../ports/model-provider.ts'
import { rows } from '../shared/database.ts'

/** What a usage report is of. */
export type UsageOwner = 'projectId' | 'sprintId' | 'runId' | 'sessionId' | 'scope'

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
  /** Calls whose outcome is not known. What was reserved for them counts as spent; it is not part of the totals. */
  readonly lostCalls: number
  readonly lostTokens: number
  readonly lostCostUsd: number
  readonly byAgent: readonly AgentUsage[]
}

type LostUsage = Pick<Usage, 'lostCalls' | 'lostTokens' | 'lostCostUsd'>

const nothingLost: LostUsage = { lostCalls: 0, lostTokens: 0, lostCostUsd: 0 }

const total = (byAgent: readonly AgentUsage[], lost: LostUsage): Usage => {
  const sum = (of: (usage: AgentUsage) => number) => byAgent.reduce((all, usage) => all + of(usage), 0)
  return {
    inputTokens: sum((usage) => usage.inputTokens),
    cachedInputTokens: sum((usage) => usage.cachedInputTokens),
    outputTokens: sum((usage) => usage.outputTokens),
    costUsd: sum((usage) => usage.costUsd ?? 0),
    unpricedCalls: sum((usage) => usage.unpricedCalls),
    calls: sum((usage) => usage.calls),
    ...lost,
    byAgent,
  }
}

const readLost = async (
  em: EntityManager,
  owner: UsageOwner,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LostUsage>> => {
  const found = await rows(em)
    .selectFrom('ModelCall')
    .select((row) => [
      `${owner} as ownerId` as const,
      row.fn.countAll<string>().as('lostCalls'),
      row.fn.sum<string>('reservedTokens').as('lostTokens'),
      row.fn.sum<number>('reservedCostUsd').as('lostCostUsd'),
    ])
    .where(owner, 'in', [...ids])
    .where('status', '=', 'LOST')
    .groupBy(owner)
    .execute()
  return new Map(
    found.map(({ ownerId, lostCalls, lostTokens, lostCostUsd }) => [
      String(ownerId),
      { lostCalls: Number(lostCalls), lostTokens: Number(lostTokens), lostCostUsd: Number(lostCostUsd) },
    ]),
  )
}

/** The answered and the lost calls of several projects, sprints or runs, in two queries; in the order of the ids. */
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
  const lost = await readLost(em, owner, ids)
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
      lost.get(id) ?? nothingLost,
    ),
  )
}
