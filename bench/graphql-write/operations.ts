import type { Asked } from '../harness/requests.ts'

const documents = {
  AddReviewComment: `mutation AddReviewComment($diffId: ID!, $path: String!, $side: DiffSide!, $line: Int!, $text: String!) {
  addReviewComment(diffId: $diffId, path: $path, side: $side, line: $line, text: $text) {
    __typename
    ... on ReviewComment { path side line code text draft author { id name } }
    ... on DomainError { code message }
  }
}`,
  AnswerInterview: `mutation AnswerInterview($specId: ID!, $answers: [InterviewAnswerInput!]!) {
  answerInterview(specId: $specId, answers: $answers) {
    __typename
    ... on Spec { id title status interview { status questions { key question answer } } }
    ... on DomainError { code message }
  }
}`,
} as const

export const asking = (operationName: keyof typeof documents, variables: object): Asked => ({
  query: documents[operationName],
  variables,
  operationName,
})
