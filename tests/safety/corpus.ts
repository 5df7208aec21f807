import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createFileAnalyzer } from '../../src/adapters/analyzer/analyze-file.ts'
import { fileKind } from '../../src/domain/safety/language.ts'

/** One piece of a corpus; docs/SAFETY.md says how it is written. */
export interface Snippet {
  readonly file: string
  /** `direct`, `alias`, `obfuscated` or `benign`: what the file's name begins with. */
  readonly kind: string
  readonly name: string
  /** Under which the source is analysed. */
  readonly path: string
  readonly source: string
  /** What must be reported: `<line> <CAPABILITY>`, or the code of a finding in place of a capability; sorted. */
  readonly labels: readonly string[]
  /** True when it does no harm under the interpreter. */
  readonly runs: boolean
}

/** The snippets of a corpus file, or of all the files of a folder whose names end in this. */
export function readCorpus(path: string, extension: string): readonly Snippet[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(extension))
        .sort()
        .map((name) => join(path, name))
    : [path]
  return files.flatMap((file) => readSnippets(basename(file), readFileSync(file, 'utf8')))
}

function readSnippets(file: string, text: string): Snippet[] {
  const kind = file.split(/[-.]/)[0] ?? ''
  return text
    .split(/^(?:#|\/\/) === /m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...lines] = part.split('\n')
      const [title = '', mark] = heading.split(/ (?:#|\/\/) (?=runs$)/)
      const [name = '', path = file.replace(/\.txt$/, '')] = title.split(' | ')
      return { file, path, kind, name, source: lines.join('\n'), labels: labelsOf(lines), runs: mark === 'runs' }
    })
}

/** `#> A B` at a line's end: just these uses begin on it. `A@3` puts one on line 3 of the snippet instead. */
function labelsOf(lines: readonly string[]): string[] {
  return lines
    .flatMap((line, index) => {
      const marked = /(?:#|\/\/)>(.*)$/.exec(line)?.[1]?.trim().split(/\s+/) ?? []
      return marked.map((label) => {
        const [capability, at] = label.split('@')
        return `${at ?? index + 1} ${capability}`
      })
    })
    .sort()
}

/** Findings that say: here is something hidden whose name cannot be told. */
const hiding = ['COMPUTED_NAME', 'CLASS_WALK']

export interface Verdict {
  readonly snippet: Snippet
  readonly missed: readonly string[]
  /** Reported, and not labelled. */
  readonly extra: readonly string[]
}

/** Compares what the analysis reports with the labels, snippet by snippet. */
export function judge(snippets: readonly Snippet[]): readonly Verdict[] {
  const analyze = createFileAnalyzer()
  return snippets.map((snippet) => {
    const { path, labels } = snippet
    const content = Buffer.from(snippet.source)
    const { uses, findings } = analyze({ path, content, ...fileKind(path, content), mustParse: false })
    const told = findings.filter(({ code }) => hiding.includes(code)).map(({ line, code }) => `${line} ${code}`)
    const found = [...uses.map(({ line, capability }) => `${line} ${capability}`), ...told]
    const extra = without(found, labels)
    // Where a name is too well hidden to be told, that it is hidden is told.
    const lines = extra.filter((item) => told.includes(item)).map((item) => item.split(' ')[0])
    const missed = without(labels, found).filter((label) => !lines.includes(label.split(' ')[0]))
    const isLabelled = (item: string) => labels.some((label) => label.split(' ')[0] === item.split(' ')[0])
    return { snippet, missed, extra: extra.filter((item) => !(told.includes(item) && isLabelled(item))) }
  })
}

/** The items of the first list that the second does not have, counting doubles. */
function without(items: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return items.filter((item) => {
    const index = left.indexOf(item)
    if (index !== -1) left.splice(index, 1)
    return index === -1
  })
}

export interface Score {
  readonly kind: string
  readonly snippets: number
  readonly labels: number
  readonly found: number
  /** Of the labels, how many were found: 0 to 1; 1 where there are none. */
  readonly recall: number
  readonly falseAlarms: number
}

/** The scores of each kind of snippet, in the order of the corpus. */
export function scores(verdicts: readonly Verdict[]): readonly Score[] {
  const kinds = [...new Set(verdicts.map(({ snippet }) => snippet.kind))]
  return kinds.map((kind) => {
    const own = verdicts.filter(({ snippet }) => snippet.kind === kind)
    const labels = own.reduce((sum, { snippet }) => sum + snippet.labels.length, 0)
    const found = labels - own.reduce((sum, { missed }) => sum + missed.length, 0)
    const falseAlarms = own.reduce((sum, { extra }) => sum + extra.length, 0)
    return { kind, snippets: own.length, labels, found, recall: labels === 0 ? 1 : found / labels, falseAlarms }
  })
}

/** The scores as a table for people, and below it each snippet that is not reported as it is labelled. */
export function scoreTable(verdicts: readonly Verdict[]): string {
  const row = (cells: readonly (string | number)[]) =>
    cells.map((cell, index) => (index === 0 ? String(cell).padEnd(12) : String(cell).padStart(12))).join('')
  const lines = scores(verdicts).map(({ kind, snippets, labels, found, recall, falseAlarms }) =>
    row([kind, snippets, labels, found, `${(100 * recall).toFixed(1)} %`, falseAlarms]),
  )
  const wrong = verdicts
    .filter(({ missed, extra }) => missed.length + extra.length > 0)
    .map(({ snippet, missed, extra }) => {
      const parts = [...missed.map((use) => `missed ${use}`), ...extra.map((use) => `false alarm ${use}`)]
      return `${snippet.file}: ${snippet.name}: ${parts.join(', ')}`
    })
  return [row(['', 'snippets', 'uses', 'found', 'recall', 'false']), ...lines, ...wrong].join('\n')
}
