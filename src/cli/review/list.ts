import { type ExitCode, exitCodes } from '../exit.ts'
import type { GraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'
import { pendingPages } from './load.ts'
import { sizeWords, testWords } from './overview.ts'
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

const rowsOf = (diff: PendingDiff, view: View): readonly string[] => [
  view.style.place(visibleLine(diff.id)),
  ...proseRows(pendingTitle(diff), view).map(view.style.strong),
  ...proseRows(pendingFacts(diff), view),
]

export const emptyQueue = 'Nothing waits for a review.'

/** Prints every diff that waits for a person. @throws RequestError */
export const listPending = async (client: GraphQLClient, output: Output): Promise<ExitCode> => {
  let count = 0
  for await (const diffs of pendingPages(client)) {
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
