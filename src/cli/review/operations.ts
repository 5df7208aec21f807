import { z } from 'zod'
import type { Mutation, Operation, Subscription } from '../graphql-client.ts'

const refusal = '... on DomainError { code message }'
const stateFields = 'id status commit { oid } approval { satisfied missing }'
const stateShape = z.object({
  id: z.string(),
  status: z.string(),
  commit: z.object({ oid: z.string() }).nullable(),
  approval: z.object({ satisfied: z.boolean(), missing: z.array(z.string()) }),
})
/** Where a diff stands after something was done to it. */
export type DiffState = z.output<typeof stateShape>

const changesDiff = (document: string): Mutation<DiffState> => ({ document, outcome: stateShape })

export const openReview = changesDiff(
  `mutation OpenReview($diffId: ID!) {
    outcome: openReview(diffId: $diffId) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const reviewDiff = changesDiff(
  `mutation ReviewDiff(
    $diffId: ID!, $verdict: ReviewVerdict!, $contentHash: String!, $evaluationHash: String!, $messageHash: String
    $feedback: String
  ) {
    outcome: reviewDiff(
      diffId: $diffId, verdict: $verdict, contentHash: $contentHash, evaluationHash: $evaluationHash
      messageHash: $messageHash, feedback: $feedback
    ) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const keepHunks = changesDiff(
  `mutation KeepHunks($diffId: ID!, $hunks: [Int!]!, $files: [String!]) {
    outcome: keepHunks(diffId: $diffId, hunks: $hunks, files: $files) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const rebaseDiff = changesDiff(
  `mutation RebaseDiff($diffId: ID!) {
    outcome: rebaseDiff(diffId: $diffId) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const updateCommitMessage = changesDiff(
  `mutation UpdateCommitMessage($diffId: ID!, $message: String!) {
    outcome: updateCommitMessage(diffId: $diffId, message: $message) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const markFileReviewed = changesDiff(
  `mutation MarkFileReviewed($diffId: ID!, $path: String!, $reviewed: Boolean!) {
    outcome: markFileReviewed(diffId: $diffId, path: $path, reviewed: $reviewed) {
      ... on Diff { ${stateFields} } ${refusal}
    }
  }`,
)

export const commitDiff = changesDiff(
  `mutation CommitDiff($diffId: ID!) {
    outcome: commitDiff(diffId: $diffId) { ... on Diff { ${stateFields} } ${refusal} }
  }`,
)

export const addReviewComment: Mutation<{ readonly id: string }> = {
  document: `mutation AddReviewComment($diffId: ID!, $path: String!, $side: DiffSide!, $line: Int!, $text: String!) {
    outcome: addReviewComment(diffId: $diffId, path: $path, side: $side, line: $line, text: $text) {
      ... on ReviewComment { id } ${refusal}
    }
  }`,
  outcome: z.object({ id: z.string() }),
}

export const testDiff: Mutation<{ readonly id: string; readonly status: string; readonly total: number }> = {
  document: `mutation TestDiff($diffId: ID!) {
    outcome: testDiff(diffId: $diffId) { ... on TestRun { id status total } ${refusal} }
  }`,
  outcome: z.object({ id: z.string(), status: z.string(), total: z.number() }),
}

export const readCursor: Operation<{ readonly eventCursor: string }> = {
  document: 'query EventCursor { eventCursor }',
  data: z.object({ eventCursor: z.string() }),
}

const changeShape = z.object({
  cursor: z.string(),
  diff: z.object({ id: z.string() }).nullish(),
  testRun: z.object({ diff: z.object({ id: z.string() }).nullable() }).nullish(),
})
export type Change = z.output<typeof changeShape>

/** Everything that the viewer can see, of which diffs and their test runs matter here. */
export const changes: Subscription<Change> = {
  document: `subscription Changes($after: String) {
    event: events(after: $after) {
      cursor
      ... on DiffChanged { diff { id } }
      ... on TestRunChanged { testRun { diff { id } } }
    }
  }`,
  event: changeShape,
}
