import { visibleBlock, visibleLine } from '../render/visible-text.ts'
import type { Reading } from './load.ts'
import { fileWords, overviewRows } from './overview.ts'
import { cutIntoRows, patchRows, proseRows, type View } from './rows.ts'
import type { ShownFile, TestOutput } from './shown-diff.ts'

/** A part of a diff that is read at once. Its rows are made when it is, since a diff may have 5 MiB. */
export interface Page {
  /** Says which part it is, whatever its title says of it by now. */
  readonly key: string
  readonly title: string
  /** The file that it is of; null on the others. */
  readonly file: ShownFile | null
  rows(view: View): readonly string[]
}

const binaryContent = /^(?:GIT binary patch|literal \d|delta \d)/m

/** What there is to read, in the order in which it is read. */
export const pagesOf = ({ diff, testOutput }: Reading): readonly Page[] => [
  { key: 'overview', title: 'Overview', file: null, rows: (view) => overviewRows(diff, view) },
  ...(diff.sinceLastSeen
    ? [page('Since you last looked', (view) => patchRows(diff.sinceLastSeen ?? '', [], view))]
    : []),
  ...(testOutput.length > 0
    ? [page('Tests that did not pass', (view) => testOutput.flatMap((result) => testRows(result, view)))]
    : []),
  ...diff.files.map((file) => ({
    key: `file ${file.path}`,
    title: fileWords(file),
    file,
    rows: (view: View) => fileRows(file, view),
  })),
]

const page = (title: string, rows: Page['rows']): Page => ({ key: title, title, file: null, rows })

const fileRows = (file: ShownFile, view: View): readonly string[] => {
  const hunks = file.hunks.map(({ index }) => index)
  if (!file.isBinary) return patchRows(file.patch, hunks, view)
  const head = file.patch.slice(0, binaryContent.exec(file.patch)?.index)
  return [...patchRows(head, hunks, view), ...proseRows('Its content is binary and not shown.', view, '')]
}

const testRows = ({ name, status, error, stdout, stderr, truncated }: TestOutput, view: View): readonly string[] => {
  const stream = (title: string, text: string) =>
    text.trim() === '' ? [] : [view.style.faint(title), ...outputRows(text, view)]
  return [
    ...proseRows(`${status}  ${visibleLine(name)}`, view, '').map(view.style.bad),
    ...(error === null ? [] : proseRows(error, view)),
    ...stream('stdout', stdout),
    ...stream('stderr', stderr),
    ...(truncated ? ['(the middle of its output was not kept)'] : []),
    '',
  ]
}

// So that a test's output is not taken for a heading of ours.
const outputIndent = '  '

const outputRows = (text: string, { columns }: View): readonly string[] =>
  visibleBlock(text)
    .trimEnd()
    .split('\n')
    .flatMap((line) => cutIntoRows(line, columns - outputIndent.length).map((row) => outputIndent + row))
