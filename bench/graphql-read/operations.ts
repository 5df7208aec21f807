import type { Asked } from '../harness/requests.ts'

const ofDiff = `id status commitMessage additions deletions createdAt
      author { id name }
      files { path kind additions deletions isTest }
      latestTestRun { id status total passed failed }
      reviews { id verdict feedback createdAt reviewer { id name } }`
const ofPage = `nodes {
      ${ofDiff}
    }
    pageInfo { hasNextPage endCursor }`

const documents = {
  Diff: `query Diff($id: ID!) {
  node(id: $id) {
    ... on Diff {
      id status origin baseCommit targetBranch content contentHash commitMessage additions deletions createdAt
      author { id name }
    }
  }
}`,
  Page: `query Page($project: ID!, $first: Int!) {
  node(id: $project) { ... on Project { id name diffs(first: $first) {
    ${ofPage}
  } } }
}`,
  Queue: `query Queue($first: Int!) {
  pendingDiffs(first: $first) {
    ${ofPage}
  }
}`,
} as const

/** The same request for all: who knows no GraphQL goes by its name. */
export const asking = (operationName: keyof typeof documents, variables: object): Asked => ({
  query: documents[operationName],
  variables,
  operationName,
})
