import { type ExitCode, exitCodes } from '../exit.ts'
import type { GraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'
import { pendingPages, type QueueOrder } from './load.ts'
import { riskWords, sizeWords, testWords } from './overview.ts'
import { proseRows, type View } from './rows.ts'
import type { PendingDiff } from './shown-diff.ts'

const subjectOf = (message: string): string => visibleLine(message.split('\n', 1)[0] ?? '')

/** What a diff is, in one line. */
export const pendingTitle = (diff: PendingDiff): string => subjectOf(diff.commitMessage)

/** Where it stands, in a few words each. */
export const pendingFacts = (diff: PendingDiff): string =>
  [
    visibleLine(diff.project.name),
    visibleLine(diff.status),
    riskWords(diff),
    sizeWords(diff),
    testWords(diff.latestTestRun),
    `${diff.approval.given} of ${diff.approval.required} approvals`,
    ...(diff.safety.issues.length > 0 ? [`${diff.safety.issues.length} findings stop it`] : []),
    ...(diff.safety.addedCapabilities.length > 0
      ? [`newly ${diff.safety.addedCapabilities.map(visibleLine).join(' ')}`]
      : []),
    ...(diff.drifted ? ['drifted'] : []),
    `by ${visibleLine(diff.author.name)}`,
    diff.createdAt.slice(0, 16).replace('T', ' '),
  ].join(', ')

/** What its place by risk rests on, in one line; empty when nothing stands out. */
export const riskReasons = ({ risk }: PendingDiff): string => risk.reasons.map(visibleLine).join('; ')

const rowsOf = (diff: PendingDiff, view: View): readonly string[] => [
  view.style.place(visibleLine(diff.id)),
  ...proseRows(pendingTitle(diff), view).map(view.style.strong),
  ...proseRows(pendingFacts(diff), view),
  ...(diff.risk.reasons.length === 0 ? [] : proseRows(riskReasons(diff), view).map(view.style.warn)),
]

export const emptyQueue = 'Nothing waits for a review.'

/** Prints every diff that waits for a person. @throws RequestError */
export const listPending = async (client: GraphQLClient, output: Output, order: QueueOrder): Promise<ExitCode> => {
  let count = 0
  for await (const diffs of pendingPages(client, order)) {
    count += diffs.length
    for (const diff of diffs) {
      output.json({ type: 'pending', ...diff })
      output.print(rowsOf(diff, output).join('\n'))
    }
  }
  output.json({ type: 'listed', count })
  if (count === 0 && !output.quiet) output.print(emptyQueue)
  return exitCodes.ok
}
