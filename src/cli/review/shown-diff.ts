import { z } from 'zod'
import { approvalFields, approvalShape, safetyFields, safetyShape } from '../demo/shapes.ts'
import type { Operation } from '../graphql-client.ts'

const person = z.object({ name: z.string() })

const summaryFields = `id status commitMessage additions deletions createdAt targetBranch drifted
  author { name } project { id name } risk { score reasons } approval { ${approvalFields} }
  latestTestRun { id status total passed failed }`
const summaryShape = z.object({
  id: z.string(),
  status: z.string(),
  commitMessage: z.string(),
  additions: z.number(),
  deletions: z.number(),
  createdAt: z.string(),
  targetBranch: z.string(),
  drifted: z.boolean(),
  author: person,
  project: z.object({ id: z.string(), name: z.string() }),
  risk: z.object({ score: z.number(), reasons: z.array(z.string()) }),
  approval: approvalShape,
  latestTestRun: z
    .object({ id: z.string(), status: z.string(), total: z.number(), passed: z.number(), failed: z.number() })
    .nullable(),
})

const pendingShape = summaryShape.extend({ safety: safetyShape.pick({ addedCapabilities: true, issues: true }) })
/** A diff that waits for a person, as a list shows it. */
export type PendingDiff = z.output<typeof pendingShape>

export const readPending: Operation<{
  readonly pendingDiffs: {
    readonly nodes: readonly PendingDiff[]
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
  }
}> = {
  document: `query Pending($first: Int!, $after: String, $order: PendingOrder!) {
    pendingDiffs(first: $first, after: $after, order: $order) {
      nodes { ${summaryFields} safety { addedCapabilities issues { code message path line } } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  data: z.object({
    pendingDiffs: z.object({
      nodes: z.array(pendingShape),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  }),
}

const fileShape = z.object({
  path: z.string(),
  previousPath: z.string().nullable(),
  kind: z.string(),
  additions: z.number(),
  deletions: z.number(),
  isTest: z.boolean(),
  isBinary: z.boolean(),
  patch: z.string(),
  hunks: z.array(z.object({ index: z.number() })),
  reviewedByViewer: z.boolean(),
})
export type ShownFile = z.output<typeof fileShape>

const headFields = `${summaryFields} contentHash messageHash baseCommit iteration hunks evaluatorReasoning
  autoRebaseFailure   commit { oid } supersededBy { id } safety { ${safetyFields} }
  reviews { verdict reviewer { name } automatic rule feedback stillHolds }
  files { path reviewedByViewer }
  comments { author { name } path side line text draft outdated }`
const headShape = summaryShape.extend({
  contentHash: z.string(),
  messageHash: z.string(),
  baseCommit: z.string(),
  iteration: z.number(),
  hunks: z.number(),
  evaluatorReasoning: z.string().nullable(),
  autoRebaseFailure: z.string().nullable(),
  commit: z.object({ oid: z.string() }).nullable(),
  supersededBy: z.object({ id: z.string() }).nullable(),
  safety: safetyShape,
  reviews: z.array(
    z.object({
      verdict: z.string(),
      reviewer: person,
      automatic: z.boolean(),
      rule: z.string().nullable(),
      feedback: z.string().nullable(),
      stillHolds: z.boolean(),
    }),
  ),
  files: z.array(z.object({ path: z.string(), reviewedByViewer: z.boolean() })),
  comments: z.array(
    z.object({
      author: person,
      path: z.string(),
      side: z.string(),
      line: z.number(),
      text: z.string(),
      draft: z.boolean(),
      outdated: z.boolean(),
    }),
  ),
})
/** Everything about a diff but its lines, which alone can be megabytes and never change; of its files, the marks. */
export type DiffHead = z.output<typeof headShape>

const shownShape = headShape.extend({ sinceLastSeen: z.string().nullable(), files: z.array(fileShape) })
/** A diff with everything that a reviewer is shown, as it was at one moment. */
export type ShownDiff = z.output<typeof shownShape>

const isEmpty = (node: unknown): boolean => typeof node === 'object' && node !== null && Object.keys(node).length === 0
/** Null when there is none that the viewer can see, or the id is of something else, of which nothing was asked for. */
const diffOrNull = <Shape extends z.ZodType>(shape: Shape) =>
  z.object({ node: z.preprocess((node) => (isEmpty(node) ? null : node), shape.nullable()) })

export const readDiffHead: Operation<{ readonly node: DiffHead | null }> = {
  document: `query DiffHead($id: ID!) { node(id: $id) { ... on Diff { ${headFields} } } }`,
  data: diffOrNull(headShape),
}

export const readShownDiff: Operation<{ readonly node: ShownDiff | null }> = {
  document: `query ShownDiff($id: ID!) {
    node(id: $id) {
      ... on Diff {
        ${headFields} sinceLastSeen
        files { path previousPath kind additions deletions isTest isBinary patch hunks { index } }
      }
    }
  }`,
  data: diffOrNull(shownShape),
}

const testOutputShape = z.object({
  results: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      error: z.string().nullable(),
      stdout: z.string(),
      stderr: z.string(),
      truncated: z.boolean(),
    }),
  ),
})
export type TestOutput = z.output<typeof testOutputShape>['results'][number]

export const readTestOutput: Operation<{ readonly node: { readonly results: readonly TestOutput[] } | null }> = {
  document: `query TestOutput($id: ID!) {
    node(id: $id) { ... on TestRun { results { name status error stdout stderr truncated } } }
  }`,
  data: z.object({ node: testOutputShape.nullable() }),
}
