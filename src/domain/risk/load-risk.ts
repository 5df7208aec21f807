import type { EntityManager } from '@mikro-orm/postgresql'
import { sql } from 'kysely'
import type { DiffRow } from '../diff/diff.entity.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { ofUnarchivedProject } from '../project/of-unarchived-project.ts'
import { rows } from '../shared/database.ts'
import { latestResults, testsState } from '../testing/latest-results.ts'
import { policyFacts } from './policy-facts.ts'
import { assessRisk, type Risk } from './risk.ts'
import type { RiskFacts } from './risk-facts.ts'

/** What a risk is assessed of. */
export type RiskSubject = Pick<DiffRow, 'id' | 'projectId' | 'riskFacts'>

/**
 * The risk of each diff, as the policy and the tests are now: assessed when it is asked for and never stored, so that it
 * cannot lag behind what it is made of. The same two queries for any number.
 */
export const loadRisks = async (em: EntityManager, diffs: readonly RiskSubject[]): Promise<readonly Risk[]> => {
  if (diffs.length === 0) return []
  const [projects, results] = await Promise.all([
    rows(em)
      .selectFrom('Project')
      .select(['id', 'policy'])
      .where('id', 'in', [...new Set(diffs.map(({ projectId }) => projectId))])
      .execute(),
    latestResults(
      em,
      diffs.map(({ id }) => id),
    ),
  ])
  const policies = new Map(projects.map(({ id, policy }) => [id, policyFacts(policy)]))
  const resultsOf = Map.groupBy(results, ({ diffId }) => diffId)
  return diffs.map(({ id, projectId, riskFacts }) => {
    const factsOf = policies.get(projectId)
    if (!factsOf) throw new Error(`The diff ${id} has lost its project.`)
    return assessRisk(riskFacts, factsOf(riskFacts), testsState(resultsOf.get(id) ?? []))
  })
}

/** A diff's place in the reading order. */
export interface RankedDiff extends RiskSubject {
  readonly createdAt: Date
  readonly risk: Risk
}

/** Where a diff is in that order. */
export interface RiskPlace {
  readonly score: number
  readonly createdAt: Date
  readonly id: string
}

export const placeOf = ({ id, createdAt, risk }: RankedDiff): RiskPlace => ({ id, createdAt, score: risk.score })

/** Worst first; of equal ones the oldest. */
export const byRisk = (a: RiskPlace, b: RiskPlace): number =>
  b.score - a.score || a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/**
 * Every diff that waits for a person in these projects (null: in all) that are not archived, in the order of their risk.
 * Reads the short facts of each and no patch or report.
 */
export const rankPending = async (
  em: EntityManager,
  projectIds: readonly string[] | null,
): Promise<readonly RankedDiff[]> => {
  if (projectIds?.length === 0) return []
  // Row by row through the query builder's conversion a thousand take twenty times as long.
  const { rows: found } = await sql<{ id: string; projectId: string; at: number; riskFacts: RiskFacts }>`
    select id::text as id, project_id::text as "projectId", risk_facts as "riskFacts",
      (extract(epoch from created_at) * 1000)::float8 as at
    from diff where status = any(${[...pendingDiffStatuses]}::text[]) and ${ofUnarchivedProject}
      and (${projectIds === null}::boolean or project_id = any(${[...(projectIds ?? [])]}::uuid[]))`.execute(rows(em))
  const diffs = found.map(({ at, ...diff }) => ({ ...diff, createdAt: new Date(at) }))
  const risks = await loadRisks(em, diffs)
  return diffs
    .flatMap((diff, index) => {
      const risk = risks[index]
      return risk ? [{ ...diff, risk }] : []
    })
    .toSorted((a, b) => byRisk(placeOf(a), placeOf(b)))
}
