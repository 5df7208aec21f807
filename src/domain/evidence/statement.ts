/** What a commit rests on, as an in-toto statement. docs/EVIDENCE.md describes each member. */

import { z } from 'zod'
import type { ActorKind } from '../actor/actor.entity.ts'
import type { DiffOrigin } from '../diff/diff.entity.ts'
import type { ReviewVerdict } from '../diff/review.entity.ts'
import { capabilities } from '../ports/code-analyzer.ts'
import type { ApprovalPolicy } from '../project/approval-policy.ts'
import { testRunStatuses, testStatuses } from '../testing/test-run.status.ts'

export const statementType = 'https://in-toto.io/Statement/v1'

/** Names the predicate's form. It leads nowhere: the form is described in docs/EVIDENCE.md. */
export const predicateType = 'https://countersign.invalid/evidence/v1'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const objectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
const time = z.iso.datetime()
const count = z.number().int().nonnegative()

const signature = z.object({ name: z.string(), email: z.string(), at: time })
const actor = z.object({
  id: z.uuid(),
  kind: z.enum(['HUMAN', 'AGENT', 'SERVICE']) satisfies z.ZodType<ActorKind>,
  /** Who answers for it. */
  ownerId: z.uuid().nullable(),
})

/** A rule that is not known here could be one that is not kept, so that others than these are refused. */
const rules = z.strictObject({
  requiredApprovals: count,
  allowSelfApproval: z.boolean(),
  requirePassingTests: z.boolean(),
  blockedCapabilities: z.array(z.enum(capabilities)),
}) satisfies z.ZodType<ApprovalPolicy>

const review = z.object({
  id: z.uuid(),
  reviewer: z.object({ id: z.uuid(), name: z.string(), email: z.string() }),
  /** Whether the reviewer was, at the time of the commit, a person who may review there. */
  mayReview: z.boolean(),
  verdict: z.enum(['APPROVE', 'REJECT']) satisfies z.ZodType<ReviewVerdict>,
  at: time,
  contentHash: hash,
  evaluationHash: hash,
  messageHash: hash,
  policyHash: hash,
  baseCommit: objectId,
  /** The review of the diff's earlier self that a rebase carried over. */
  carriedFrom: z.uuid().nullable(),
})

const testResult = z.object({
  name: z.string(),
  /** SHA-256 of command, files and limits. */
  definitionHash: hash,
  status: z.enum(testStatuses).nullable(),
  exitCode: z.number().int().nullable(),
  cached: z.boolean(),
  durationMs: count,
})

const testRun = z.object({
  id: z.uuid(),
  status: z.enum(testRunStatuses),
  /** What isolated it; `none` says that nothing did. */
  driver: z.string(),
  cached: z.boolean(),
  /** Whose version of the tests was run. */
  basis: z.enum(['WORKSPACE', 'BASE']),
  tree: objectId,
  finishedAt: time.nullable(),
  /** Those of its results that no later run has replaced. */
  results: z.array(testResult),
})

const agentUsage = z.object({
  agent: z.string(),
  provider: z.string(),
  model: z.string(),
  /** The built-in stand-in played it; it is no model. */
  rehearsal: z.boolean(),
  calls: count,
  inputTokens: count,
  cachedInputTokens: count,
  outputTokens: count,
  /** In US dollars; null where the price is not known. */
  costUsd: z.number().nullable(),
})

const predicate = z.object({
  project: z.object({ id: z.uuid(), branch: z.string() }),
  diff: z.object({
    id: z.uuid(),
    origin: z.enum(['SPRINT', 'SESSION', 'EXTERNAL', 'REVERT']) satisfies z.ZodType<DiffOrigin>,
    iteration: count,
    createdAt: time,
    contentHash: hash,
    changeHash: hash,
    author: actor,
    requester: actor.nullable(),
  }),
  base: z.object({ commit: objectId, tree: objectId }),
  /** The commit but for its trailers, which follow from this and the statement's hash. */
  commit: z.object({
    tree: objectId,
    parents: z.array(objectId),
    message: z.string(),
    author: signature,
    committer: signature,
  }),
  committer: actor,
  evaluation: z.object({
    hash,
    reportHash: hash,
    analyzerVersion: z.string(),
    syntaxValid: z.boolean(),
    addedCapabilities: z.array(z.enum(capabilities)),
    issues: count,
    warnings: count,
  }),
  policy: z.object({ hash, rules }),
  reviews: z.array(review),
  tests: z.object({
    /** What they say together; null when none was run. */
    status: z.enum(testRunStatuses).nullable(),
    runs: z.array(testRun),
    /** Results beyond those that are listed. */
    omitted: count,
  }),
  /** Null where no model took part. */
  usage: z.object({ calls: count, unpricedCalls: count, costUsd: z.number(), byAgent: z.array(agentUsage) }).nullable(),
})

/** As it is read again; members that are not known here are passed over. */
export const statementShape = z.object({
  _type: z.literal(statementType),
  predicateType: z.literal(predicateType),
  subject: z.tuple([
    z.object({ name: z.literal('tree'), digest: z.object({ gitTree: objectId }) }),
    z.object({ name: z.literal('change'), digest: z.object({ sha256: hash }) }),
    z.object({ name: z.literal('patch'), digest: z.object({ sha256: hash }) }),
  ]),
  predicate,
})

export type Statement = z.output<typeof statementShape>
export type EvidencePredicate = Statement['predicate']

/**
 * The statement of a commit: about its tree, what it changes and the patch that was approved. The commit itself cannot be
 * a subject, since its id covers the statement's hash; it is in the predicate, whole.
 * @param changeDigest as the repository gives it for the base's and the commit's tree
 */
export const statementOf = (evidence: EvidencePredicate, changeDigest: string): Statement => ({
  _type: statementType,
  predicateType,
  subject: [
    { name: 'tree', digest: { gitTree: evidence.commit.tree } },
    { name: 'change', digest: { sha256: changeDigest } },
    { name: 'patch', digest: { sha256: evidence.diff.contentHash } },
  ],
  predicate: evidence,
})
