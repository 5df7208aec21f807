import { sql } from 'kysely'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/** A conversation whose recording is played back. */
export interface EarlierConversation {
  readonly scope: string
  /** The first call that is not played back, since its answer ended the conversation badly; null when all are. */
  readonly until: number | null
}

/** The name of a candidate's conversation. */
export const candidateScope = (candidateId: string): string => `candidate:${candidateId}`

/** The name of the judge's conversation about a run. */
export const judgeScope = (runId: string): string => `run:${runId}:judge`

/** The runs whose recordings a run plays back, the nearest first: what it was forked from or retries, and so on. */
const ancestorsOf = async (services: Services, replaysId: string | null): Promise<readonly string[]> => {
  if (replaysId === null) return []
  const { rows: found } = await sql<{ id: string }>`
    with recursive ancestor as (
      select id, replays_id, 1 as distance from agent_run where id = ${replaysId}
      union all
      select agent_run.id, agent_run.replays_id, distance + 1
      from agent_run join ancestor on agent_run.id = ancestor.replays_id
    )
    select id::text from ancestor order by distance`.execute(rows(services.em()))
  return found.map(({ id }) => id)
}

/** Failures that the candidate's last answer led to: with the same answer it would fail again. */
const ownFailures: readonly string[] = ['refused', 'output_limit', 'empty_answer', 'turn_limit', 'no_plan']

const lastCall = async (services: Services, scope: string): Promise<number | null> => {
  const found = await rows(services.em())
    .selectFrom('ModelCall')
    .select((row) => row.fn.max('sequence').as('last'))
    .where('scope', '=', scope)
    .where('status', 'in', ['ANSWERED', 'REPLAYED'])
    .executeTakeFirst()
  return found?.last ?? null
}

/** The conversations that a candidate continues: those of its namesakes in the runs that its run continues. */
export const earlierConversations = async (
  services: Services,
  replaysId: string | null,
  label: string,
): Promise<readonly EarlierConversation[]> => {
  const runIds = await ancestorsOf(services, replaysId)
  if (runIds.length === 0) return []
  const namesakes = await rows(services.em())
    .selectFrom('Candidate')
    .select(['id', 'runId', 'failure'])
    .where('runId', 'in', [...runIds])
    .where('label', '=', label)
    .execute()
  return Promise.all(
    namesakes
      .sort((a, b) => runIds.indexOf(a.runId) - runIds.indexOf(b.runId))
      .map(async ({ id, failure }) => {
        const scope = candidateScope(id)
        return { scope, until: failure && ownFailures.includes(failure.code) ? await lastCall(services, scope) : null }
      }),
  )
}

/** What judges said about the runs that a run continues, where they could decide. */
export const earlierJudgements = async (
  services: Services,
  replaysId: string | null,
): Promise<readonly EarlierConversation[]> => {
  const runIds = await ancestorsOf(services, replaysId)
  if (runIds.length === 0) return []
  const decided = await rows(services.em())
    .selectFrom('Decision')
    .select('runId')
    .where('runId', 'in', [...runIds])
    .where('failure', 'is', null)
    .execute()
  return runIds
    .filter((id) => decided.some(({ runId }) => runId === id))
    .map((id) => ({ scope: judgeScope(id), until: null }))
}
