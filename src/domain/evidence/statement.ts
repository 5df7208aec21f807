/** What a commit rests on, as an in-toto statement. docs/EVIDENCE.md describes each member. */

import { z } from 'zod'
import type { ActorKind } from '../actor/actor.entity.ts'
import type { RulesMet } from '../approval/rules-met.ts'
import type { DiffOrigin } from '../diff/diff.entity.ts'
import { capabilities } from '../ports/code-analyzer.ts'
import type { StatedPolicy } from '../project/approval-policy.ts'
import type { ReviewVerdict } from '../review/review.entity.ts'
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
  // The first statements did not have these: no such rule was asked for.
  guardTests: z.boolean().optional(),
  autoRebase: z.boolean().optional(),
  agentsMayCommit: z.boolean().optional(),
  protectedPaths: z.array(z.string()).optional(),
  escalations: z
    .array(
      z.strictObject({
        name: z.string(),
        capabilities: z.array(z.enum(capabilities)),
        paths: z.array(z.string()),
        requiredApprovals: count,
      }),
    )
    .optional(),
  autoApprove: z
    .array(
      z.strictObject({
        name: z.string(),
        allowedCapabilities: z.array(z.enum(capabilities)),
        paths: z.array(z.string()),
        maxChangedLines: count.nullable(),
        requirePassingTests: z.boolean(),
      }),
    )
    .optional(),
}) satisfies z.ZodType<StatedPolicy>

/** Which of the rules the change meets; at most the first few paths of each. */
const met = z.object({
  guardedTests: z.array(z.string()),
  protectedPaths: z.array(z.string()),
  escalations: z.array(z.object({ name: z.string(), capability: z.enum(capabilities).nullable(), path: z.string() })),
  autoApprove: z.array(z.string()),
}) satisfies z.ZodType<RulesMet>

const review = z.object({
  id: z.uuid(),
  reviewer: z.object({ id: z.uuid(), name: z.string(), email: z.string() }),
  /** Whether the reviewer was, at the time of the commit, a person who may review there. */
  mayReview: z.boolean(),
  /** Whether they were an administrator of the project then, and gave it as one. */
  isAdmin: z.boolean().default(false),
  verdict: z.enum(['APPROVE', 'REJECT']) satisfies z.ZodType<ReviewVerdict>,
  at: time,
  contentHash: hash,
  evaluationHash: hash,
  messageHash: hash,
  policyHash: hash,
  baseCommit: objectId,
  /** The review of the diff's earlier self that a rebase carried over. */
  carriedFrom: z.uuid().nullable(),
  /** The auto-approve rule whose approval it is; null for a person's. */
  rule: z.string().nullable().default(null),
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
    /** Added and removed; the first statements did not have it. */
    lines: count.optional(),
    author: actor,
    requester: actor.nullable(),
    /** All who count as its author, with who answers for them; the first statements had author and requester alone. */
    selfIds: z.array(z.uuid()).optional(),
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
  policy: z.object({
    hash,
    rules,
    met: met.default({ guardedTests: [], protectedPaths: [], escalations: [], autoApprove: [] }),
  }),
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
