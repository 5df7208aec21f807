import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import { rows } from '../shared/database.ts'

/** What a candidate's work took. Times in milliseconds; null where there is nothing to count. */
export interface CandidateMetrics {
  readonly durationMs: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number | null
  readonly turns: number
  /** Of the turns, those that were played back from a run that this one continues. */
  readonly replayedTurns: number
  readonly toolCalls: number
  readonly testsPassed: number | null
  readonly testsFailed: number | null
}

interface MetricsRow {
  readonly id: string
  readonly duration_ms: string
  readonly input_tokens: string
  readonly output_tokens: string
  readonly cost_usd: number | null
  readonly turns: string
  readonly replayed: string
  readonly tool_calls: string
  readonly passed: number | null
  readonly failed: number | null
}

/** The metrics of several candidates in one query, in the order of the ids. */
export const readMetrics = async (em: EntityManager, ids: readonly string[]): Promise<readonly CandidateMetrics[]> => {
  const { rows: found } = await sql<MetricsRow>`
    select candidate.id::text,
      coalesce(extract(epoch from coalesce(candidate.finished_at, now()) - candidate.started_at) * 1000, 0)::bigint::text as duration_ms,
      calls.input_tokens::text, calls.output_tokens::text, calls.cost_usd, calls.turns::text, calls.replayed::text, tools.tool_calls::text,
      tests.passed, tests.failed
    from candidate
    cross join lateral (
      select coalesce(sum(input_tokens), 0) as input_tokens, coalesce(sum(output_tokens), 0) as output_tokens,
        sum(cost_usd) as cost_usd, count(*) as turns, count(*) filter (where status = 'REPLAYED') as replayed
      from model_call where candidate_id = candidate.id and status in ('ANSWERED', 'REPLAYED')
    ) calls
    cross join lateral (select count(*) as tool_calls from tool_call where candidate_id = candidate.id) tools
    left join lateral (
      select passed, total - passed as failed from test_run
      where candidate_id = candidate.id and status in ('PASSED', 'FAILED', 'ERRORED') order by created_at desc limit 1
    ) tests on true
    where candidate.id = any(${sql.val(`{${ids.join(',')}}`)}::uuid[])`.execute(rows(em))
  const byId = new Map(found.map((row) => [row.id, row]))
  return ids.map((id) => {
    const row = byId.get(id)
    return {
      durationMs: Number(row?.duration_ms ?? 0),
      inputTokens: Number(row?.input_tokens ?? 0),
      outputTokens: Number(row?.output_tokens ?? 0),
      costUsd: row?.cost_usd ?? null,
      turns: Number(row?.turns ?? 0),
      replayedTurns: Number(row?.replayed ?? 0),
      toolCalls: Number(row?.tool_calls ?? 0),
      testsPassed: row?.passed ?? null,
      testsFailed: row?.failed ?? null,
    }
  })
}
