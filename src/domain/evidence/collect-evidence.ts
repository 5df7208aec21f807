import type { EntityManager } from '@mikro-orm/postgresql'
import type { ActorRow } from '../actor/actor.entity.ts'
import type { Approval } from '../approval/load-approval.ts'
import { readUsage, type UsageOwner } from '../budget/read-usage.ts'
import { type CommitDraft, reviewerOf } from '../commit/commit-request.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { policyHash } from '../project/approval-policy.ts'
import { reportHash } from '../safety/evaluate-change.ts'
import { rows } from '../shared/database.ts'
import { latestResults } from '../testing/latest-results.ts'
import type { EvidencePredicate } from './statement.ts'

/** What a statement lists of each; a name has at most 200 characters, so that all of it stays below what a note holds. */
const most = { reviews: 200, results: 1_000, agents: 200, paths: 20 }

const microDollars = 1_000_000

export interface Decided {
  readonly diff: DiffRow
  readonly approval: Approval
  readonly draft: CommitDraft
  readonly author: ActorRow
  readonly committer: ActorRow
}

/** What a commit rests on, read in the transaction that decides on it: no patch, prompt or output of a test is in it. */
export const collectEvidence = async (em: EntityManager, decided: Decided): Promise<EvidencePredicate> => {
  const { diff, approval, draft, author, committer } = decided
  const [requester, evaluation, tests, usage] = await Promise.all([
    diff.requestedById === null ? null : readActor(em, diff.requestedById),
    readEvaluation(em, diff.safetyId),
    readTests(em, diff.id),
    readModels(em, diff),
  ])
  return {
    project: { id: diff.projectId, branch: diff.targetBranch },
    diff: {
      id: diff.id,
      origin: diff.origin,
      iteration: diff.iteration,
      createdAt: diff.createdAt.toISOString(),
      contentHash: diff.contentHash,
      changeHash: diff.changeHash,
      lines: diff.additions + diff.deletions,
      author: answerable(author),
      requester: requester && answerable(requester),
      selfIds: [...new Set(approval.facts.selfIds)].sort(),
    },
    base: { commit: diff.baseCommit, tree: diff.baseTree },
    commit: { ...draft, parents: [...draft.parents] },
    committer: answerable(committer),
    evaluation,
    policy: statedPolicy(approval),
    reviews: listedReviews(approval),
    tests: { status: approval.facts.tests, ...tests },
    usage,
  }
}

const statedPolicy = ({ policy, facts: { met } }: Approval): EvidencePredicate['policy'] => ({
  hash: policyHash(policy),
  rules: {
    ...policy,
    blockedCapabilities: [...policy.blockedCapabilities],
    protectedPaths: [...policy.protectedPaths],
    escalations: policy.escalations.map(({ capabilities, paths, ...rule }) => ({
      ...rule,
      capabilities: [...capabilities],
      paths: [...paths],
    })),
    autoApprove: policy.autoApprove.map(({ allowedCapabilities, paths, ...rule }) => ({
      ...rule,
      allowedCapabilities: [...allowedCapabilities],
      paths: [...paths],
    })),
  },
  met: {
    guardedTests: met.guardedTests.slice(0, most.paths),
    protectedPaths: met.protectedPaths.slice(0, most.paths),
    escalations: [...met.escalations],
    autoApprove: [...met.autoApprove],
  },
})

const answerable = ({ id, kind, ownerId }: Pick<ActorRow, 'id' | 'kind' | 'ownerId'>) => ({
  id,
  kind,
  ownerId: ownerId ?? null,
})

const readActor = (em: EntityManager, id: string) =>
  rows(em).selectFrom('Actor').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

const readEvaluation = async (em: EntityManager, id: string): Promise<EvidencePredicate['evaluation']> => {
  const { report, analyzerVersion, evaluationHash } = await rows(em)
    .selectFrom('SafetyEvaluation')
    .select(['report', 'analyzerVersion', 'evaluationHash'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return {
    hash: evaluationHash,
    reportHash: reportHash(report),
    analyzerVersion,
    syntaxValid: report.syntaxValid,
    addedCapabilities: [...new Set(report.added.map(({ capability }) => capability))].sort(),
    issues: report.issues.length,
    warnings: report.warnings.length,
  }
}

/** Oldest first; those that count before all others where there are too many. */
const listedReviews = ({ reviews, counted, byReviewers, byAdmins }: Approval): EvidencePredicate['reviews'] => {
  const listed = [
    ...reviews.filter(({ id }) => counted.has(id)),
    ...reviews.filter(({ id }) => !counted.has(id)).toReversed(),
  ].slice(0, most.reviews)
  return reviews
    .filter((review) => listed.includes(review))
    .map((review) => ({
      id: review.id,
      reviewer: { id: review.reviewerId, ...reviewerOf(review) },
      mayReview: byReviewers.has(review.id),
      isAdmin: byAdmins.has(review.id),
      verdict: review.verdict,
      at: review.createdAt.toISOString(),
      contentHash: review.contentHash,
      evaluationHash: review.evaluationHash,
      messageHash: review.messageHash,
      policyHash: review.policyHash,
      baseCommit: review.baseCommit,
      carriedFrom: review.carriedFromId,
      rule: review.rule,
    }))
}

/** The results that the gate looks at, by the run that gave them. */
const readTests = async (
  em: EntityManager,
  diffId: string,
): Promise<Pick<EvidencePredicate['tests'], 'runs' | 'omitted'>> => {
  const ids = (await latestResults(em, [diffId])).map(({ id }) => id)
  if (ids.length === 0) return { runs: [], omitted: 0 }
  const found = await rows(em)
    .selectFrom('TestResult')
    .innerJoin('TestRun', 'TestRun.id', 'TestResult.testRunId')
    .select([
      'TestResult.name as name',
      'TestResult.definitionHash as definitionHash',
      'TestResult.status as status',
      'TestResult.exitCode as exitCode',
      'TestResult.cachedFromId as cachedFromId',
      'TestResult.durationMs as durationMs',
      'TestRun.id as runId',
      'TestRun.status as runStatus',
      'TestRun.sandbox as driver',
      'TestRun.cached as cached',
      'TestRun.basis as basis',
      'TestRun.tree as tree',
      'TestRun.finishedAt as finishedAt',
    ])
    .where('TestResult.id', 'in', ids)
    .orderBy('TestRun.createdAt')
    .orderBy('TestRun.id')
    .orderBy('TestResult.position')
    .limit(most.results)
    .execute()
  const byRun = Map.groupBy(found, ({ runId }) => runId)
  const runs = [...byRun.values()].flatMap((results) => {
    const run = results[0]
    if (!run) return []
    const { runId, runStatus, driver, cached, basis, tree, finishedAt } = run
    return {
      id: runId,
      status: runStatus,
      driver,
      cached,
      basis,
      tree,
      finishedAt: finishedAt?.toISOString() ?? null,
      results: results.map(({ name, definitionHash, status, exitCode, cachedFromId, durationMs }) => ({
        name,
        definitionHash,
        status,
        exitCode,
        cached: cachedFromId !== null,
        durationMs,
      })),
    }
  })
  return { runs, omitted: ids.length - found.length }
}

/** Where the models' calls for a diff are counted; null for a change from outside. */
const usageOwner = async (em: EntityManager, diff: DiffRow): Promise<readonly [UsageOwner, string] | null> => {
  if (diff.sprintId !== null) return ['sprintId', diff.sprintId]
  if (diff.sessionId !== null) return ['sessionId', diff.sessionId]
  if (diff.candidateId === null) return null
  const candidate = await rows(em)
    .selectFrom('Candidate')
    .select('runId')
    .where('id', '=', diff.candidateId)
    .executeTakeFirstOrThrow()
  return ['runId', candidate.runId]
}

const readModels = async (em: EntityManager, diff: DiffRow): Promise<EvidencePredicate['usage']> => {
  const owner = await usageOwner(em, diff)
  const [usage] = owner ? await readUsage(em, owner[0], [owner[1]]) : []
  if (!usage) return null
  // A sum of fractions may differ in its last digits from one query to the next.
  const rounded = (costUsd: number) => Math.round(costUsd * microDollars) / microDollars
  return {
    calls: usage.calls,
    unpricedCalls: usage.unpricedCalls,
    costUsd: rounded(usage.costUsd),
    byAgent: usage.byAgent
      .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
      .slice(0, most.agents)
      .map(({ agent, provider, model, rehearsal, calls, inputTokens, cachedInputTokens, outputTokens, costUsd }) => ({
        agent,
        provider,
        model,
        rehearsal,
        calls,
        inputTokens,
        cachedInputTokens,
        outputTokens,
        costUsd: costUsd === null ? null : rounded(costUsd),
      })),
  }
}

const sortKey = ({
  agent,
  provider,
  model,
  rehearsal,
}: Record<'agent' | 'provider' | 'model' | 'rehearsal', unknown>) => JSON.stringify([agent, provider, model, rehearsal])
