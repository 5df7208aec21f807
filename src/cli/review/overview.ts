import { formatCount, plural } from '../render/amounts.ts'
import { visibleLine } from '../render/visible-text.ts'
import { proseRows, type View } from './rows.ts'
import type { ShownDiff, ShownFile } from './shown-diff.ts'

/** `+3 -1`. */
export const sizeWords = ({ additions, deletions }: { readonly additions: number; readonly deletions: number }) =>
  `+${formatCount(additions)} -${formatCount(deletions)}`

/** One line on where its tests stand. */
export const testWords = (run: ShownDiff['latestTestRun']): string => {
  if (run === null) return 'no tests were run'
  const counted = `${formatCount(run.passed)} of ${plural(run.total, 'test')} passed`
  return run.status === 'PASSED' ? counted : `tests ${visibleLine(run.status)}: ${counted}`
}

/** One line on a file: what happens to it and how much. */
export const fileWords = (file: ShownFile): string => {
  const was = file.previousPath === null ? '' : ` (was ${visibleLine(file.previousPath)})`
  const marks = [
    ...(file.isTest ? ['test'] : []),
    ...(file.isBinary ? ['binary'] : []),
    ...(file.reviewedByViewer ? ['reviewed'] : []),
  ]
  const tail = marks.length === 0 ? '' : ` [${marks.join(', ')}]`
  return `${visibleLine(file.kind)} ${visibleLine(file.path)}${was} ${sizeWords(file)}${tail}`
}

/** `risk 64`. */
export const riskWords = ({ risk }: Pick<ShownDiff, 'risk'>): string => `risk ${formatCount(risk.score)}`

/** `3 of 7 files reviewed`. */
export const reviewedWords = (files: readonly Pick<ShownFile, 'reviewedByViewer'>[]): string => {
  const reviewed = files.filter(({ reviewedByViewer }) => reviewedByViewer).length
  return `${formatCount(reviewed)} of ${plural(files.length, 'file')} reviewed`
}

const place = (path: string | null, line: number | null): string =>
  path === null ? '' : `${path}${line === null ? '' : `:${line}`} `

/** Everything about a diff but its lines. */
export const overviewRows = (diff: ShownDiff, view: View): readonly string[] => {
  const { style } = view
  const { safety, approval } = diff
  const title = (words: string) => ['', style.strong(words)]
  const item = (words: string, paint = (row: string) => row) => proseRows(words, view).map(paint)
  const section = (words: string, items: readonly (readonly string[])[]) =>
    items.length === 0 ? [] : [...title(words), ...items.flat()]
  const missing = approval.missing.map((words) => item(`- ${words}`, style.warn))
  return [
    // Indented, as all that others wrote: a heading of ours cannot be imitated.
    ...proseRows(diff.commitMessage, view).map((row, at) => (at === 0 ? style.strong(row) : row)),
    '',
    ...proseRows(`${diff.status}, proposed by ${diff.author.name} in ${diff.project.name}`, view, ''),
    ...proseRows(`For ${diff.targetBranch}, on ${diff.baseCommit}, iteration ${diff.iteration}`, view, ''),
    ...(diff.drifted
      ? proseRows('The branch has moved since: before a commit it has to be brought to the head (u).', view, '').map(
          style.warn,
        )
      : []),
    ...(diff.autoRebaseFailure === null
      ? []
      : proseRows(`It was not brought there by itself: ${diff.autoRebaseFailure}`, view, '').map(style.warn)),
    ...(diff.commit ? proseRows(`Committed as ${diff.commit.oid}`, view, '').map(style.good) : []),
    ...(diff.supersededBy ? proseRows(`Superseded by ${diff.supersededBy.id}`, view, '').map(style.warn) : []),
    ...title(`Approvals: ${approval.given} of ${approval.required}`),
    ...(approval.satisfied ? item('Nothing is missing: it can be committed.', style.good) : missing.flat()),
    ...diff.reviews.flatMap(({ verdict, reviewer, automatic, rule, feedback, stillHolds }) => {
      const by = automatic ? `By the rule "${rule ?? ''}" and no person` : reviewer.name
      const holds = verdict === 'APPROVE' && !stillHolds ? ', which no longer holds' : ''
      return item(`${by}: ${verdict}${holds}${feedback === null ? '' : `: ${feedback}`}`)
    }),
    ...title(`Risk ${formatCount(diff.risk.score)}`),
    ...(diff.risk.reasons.length === 0 ? item('Nothing stands out.') : []),
    ...diff.risk.reasons.flatMap((reason) => item(`- ${reason}`, style.warn)),
    ...title('What it can newly do'),
    ...(safety.syntaxValid ? [] : item('The resulting code does not parse.', style.bad)),
    ...(safety.added.length === 0 ? item('No new use of a capability was found in the files that it changes.') : []),
    ...safety.added.flatMap((use) => [
      ...item(`+ ${use.capability}  ${place(use.path, use.line)} ${use.symbol}`, style.warn),
      ...proseRows(visibleLine(use.snippet), view, '      '),
    ]),
    ...safety.removed.flatMap((use) => item(`- ${use.capability}  ${place(use.path, use.line)} ${use.symbol}`)),
    ...section('Findings that stop a commit', [
      ...safety.issues.map((found) =>
        item(`${place(found.path, found.line)}${found.code}: ${found.message}`, style.bad),
      ),
    ]),
    ...section('Warnings', [
      ...safety.warnings.map((found) =>
        item(`${place(found.path, found.line)}${found.code}: ${found.message}`, style.warn),
      ),
    ]),
    ...title('Tests'),
    ...item(testWords(diff.latestTestRun), diff.latestTestRun?.status === 'PASSED' ? style.good : style.warn),
    ...section("The evaluator's reasoning", diff.evaluatorReasoning === null ? [] : [item(diff.evaluatorReasoning)]),
    ...section(
      'Remarks',
      diff.comments.map(({ author, path, side, line, text, draft, outdated }) => {
        const state = draft ? ', not sent yet' : outdated ? ', outdated' : ''
        return item(`${path}:${side === 'BEFORE' ? '-' : ''}${line} ${author.name}${state}: ${text}`)
      }),
    ),
    ...title(`${reviewedWords(diff.files)}, ${plural(diff.hunks, 'hunk')}, ${sizeWords(diff)}`),
    ...diff.files.flatMap((file) => item(fileWords(file))),
    '',
    ...proseRows(`Content ${diff.contentHash}`, view, '').map(style.faint),
    ...proseRows(`Evaluation ${safety.evaluationHash}`, view, '').map(style.faint),
    ...proseRows(`Message ${diff.messageHash}`, view, '').map(style.faint),
  ]
}
