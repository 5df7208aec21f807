import { heading } from '../render/section.ts'
import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { wrap } from '../render/width.ts'

export interface PendingApproval {
  readonly diffId: string
  readonly contentHash: string
  readonly evaluationHash: string
}

// They come from the server and are to be pasted: nothing but the characters of ids and hashes.
const literal = (text: string): string => JSON.stringify(visibleLine(text))

/** How to approve a diff later, by hand. */
export const renderHowToApprove = (pending: PendingApproval, style: Style, columns: number): string =>
  [
    heading('Nothing was committed', style, columns),
    wrap('The change waits for your countersignature. Run the demo with --yes to give it at once, or:', columns, '  '),
    '',
    '  1. npm start',
    '  2. Open GraphiQL at the address that it prints, with the admin token that it',
    '     names.',
    '  3. Run this: it opens the review, approves exactly what was shown, commits it.',
    '',
    ...mutations(pending),
  ].join('\n')

// The fields of one mutation run one after the other.
const mutations = ({ diffId, contentHash, evaluationHash }: PendingApproval): readonly string[] => [
  'mutation {',
  `  openReview(diffId: ${literal(diffId)}) {`,
  '    __typename ... on DomainError { code message }',
  '  }',
  '  reviewDiff(',
  `    diffId: ${literal(diffId)}`,
  '    verdict: APPROVE',
  `    contentHash: ${literal(contentHash)}`,
  `    evaluationHash: ${literal(evaluationHash)}`,
  '  ) { __typename ... on Diff { status } ... on DomainError { code message } }',
  `  commitDiff(diffId: ${literal(diffId)}) {`,
  '    __typename ... on Diff { commit { oid } } ... on DomainError { code message }',
  '  }',
  '}',
]
