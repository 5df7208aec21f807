import type { Capability, CapabilityUse, FileAnalysis, Finding } from '../ports/code-analyzer.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { safeJson } from '../shared/safe-text.ts'
import { capabilityDelta } from './capability-delta.ts'
import { hiddenCharacter } from './hidden-characters.ts'
import { decisionOf, fileKind, hasHiddenExtension } from './language.ts'

interface EvaluatedFile {
  /** The path in the result; for a deleted file, the one it had. */
  readonly path: string
  /** The path in the base, when it was another one. */
  readonly previousPath: string | null
  /** The content's object id; null for a new file. */
  readonly before: string | null
  /** Null for a deleted file. */
  readonly after: string | null
}

/** A content under a name: the name says in which language it is. */
export interface NamedBlob {
  readonly path: string
  readonly objectId: string
}

/** Analyses each content by itself, in the order given. */
export interface BlobAnalyzer {
  /** Names analyzer, rules and parsers. */
  readonly version: string
  analyze(blobs: readonly NamedBlob[]): Promise<readonly FileAnalysis[]>
}

export interface Change {
  readonly baseTree: string
  readonly resultTree: string
  readonly files: readonly EvaluatedFile[]
}

/** What is known, without running it, about the code that a change results in. */
export interface SafetyReport {
  /** False when a file of the result does not parse. */
  readonly syntaxValid: boolean
  /** True when there is no issue, no warning and no capability that the touched files did not have before. */
  readonly safe: boolean
  /** What stops a commit: faults of syntax. */
  readonly issues: readonly Finding[]
  /** What a reviewer must know: deceptions, files that were not analysed, files that decide about builds and tests. */
  readonly warnings: readonly Finding[]
  readonly added: readonly CapabilityUse[]
  readonly removed: readonly CapabilityUse[]
  readonly unchanged: readonly CapabilityUse[]
  readonly addedCapabilities: readonly Capability[]
  /** SHA-256 over analyzer, base, result and everything reported. */
  readonly evaluationHash: string
  /** SHA-256 over what is reported, without line numbers and base: the same after a clean rebase. */
  readonly reportHash: string
  readonly analyzerVersion: string
}

/** Evaluates the code that a change results in, file by file, before and after. */
export async function evaluateChange(analyzer: BlobAnalyzer, change: Change): Promise<SafetyReport> {
  const changed = change.files.filter(hasNewContent)
  const before = changed.flatMap((file) => named(file.previousPath ?? file.path, file.before))
  const after = changed.flatMap((file) => named(file.path, file.after))
  // What a program computes from its constants is part of a symbol, and need not be text that can be stored.
  const analyses = safeJson(await analyzer.analyze([...before, ...after]))
  const analysesBefore = analyses.slice(0, before.length)
  const analysesAfter = analyses.slice(before.length)

  // A copy has a source, and is new: what the source had stays with the source.
  const origins = new Map(
    change.files.map(({ path, previousPath, before }) => [path, before === null ? path : (previousPath ?? path)]),
  )
  const delta = capabilityDelta(
    analysesBefore.flatMap(({ uses }) => uses).toSorted(byPlace),
    analysesAfter.flatMap(({ uses }) => uses).toSorted(byPlace),
    (path) => origins.get(path) ?? path,
  )
  const issues = analysesAfter.flatMap(syntaxIssues).toSorted(byPlace)
  const warnings = [
    ...withoutKnownScripts(analysesAfter.flatMap(analysisWarnings), analysesBefore, origins),
    ...addedCredentials(analysesBefore, analysesAfter),
    ...change.files.flatMap(pathWarnings),
    ...analysesBefore.flatMap(unreadableBefore),
  ].toSorted(byPlace)

  const report = {
    syntaxValid: issues.length === 0,
    safe: issues.length === 0 && warnings.length === 0 && delta.addedCapabilities.length === 0,
    issues,
    warnings,
    ...delta,
  }
  const { baseTree, resultTree } = change
  const analyzerVersion = analyzer.version
  return {
    ...report,
    evaluationHash: evaluationHash(report, { analyzerVersion, baseTree, resultTree }),
    reportHash: reportHash(report),
    analyzerVersion,
  }
}

/** SHA-256 over who looked, at what, and everything reported: what a stored evaluation must still give. */
export function evaluationHash(
  report: Reported,
  { analyzerVersion, baseTree, resultTree }: { analyzerVersion: string; baseTree: string; resultTree: string },
): string {
  return canonicalHash({ analyzerVersion, baseTree, resultTree, report: plainReport(report, true) })
}

/** SHA-256 over what is reported, without line numbers and base. */
export function reportHash(report: Reported): string {
  return canonicalHash(plainReport(report, false))
}

/** False when content and language are what they were; a text that is renamed to a program is new. */
function hasNewContent({ path, previousPath, before, after }: EvaluatedFile): boolean {
  if (before === null || after === null || before !== after) return true
  if (previousPath === null) return false
  // Of the same content, names alone can make another kind.
  const [was, is] = [fileKind(previousPath, noContent), fileKind(path, noContent)]
  return was.language !== is.language || was.inert !== is.inert
}

const noContent = Buffer.alloc(0)

function named(path: string, objectId: string | null): NamedBlob[] {
  return objectId === null ? [] : [{ path, objectId }]
}

function syntaxIssues({ syntaxFaults }: FileAnalysis): Finding[] {
  return syntaxFaults.map(({ path, line, message }) => ({ code: 'SYNTAX', message, path, line }))
}

function analysisWarnings(analysis: FileAnalysis): Finding[] {
  const { path, language, inert, findings } = analysis
  if (language !== null || inert) return [...findings]
  const message = 'This file was not analysed: there are no rules for its language.'
  return [...findings, { code: 'NOT_ANALYSED', message, path, line: null }]
}

/** A script that ran by itself before, with the same command, is no news. */
function withoutKnownScripts(
  warnings: readonly Finding[],
  before: readonly FileAnalysis[],
  origins: ReadonlyMap<string, string>,
): Finding[] {
  const nameOf = (path: string | null, message: string) => JSON.stringify([path, message])
  const known = new Set(before.flatMap(({ findings }) => findings.map(({ path, message }) => nameOf(path, message))))
  return warnings.filter(({ code, path, message }) => {
    return code !== 'LIFECYCLE_SCRIPT' || !known.has(nameOf(origins.get(path ?? '') ?? path, message))
  })
}

/** Without a whole picture of the base, uses count as added, and a reviewer should know why. */
function unreadableBefore({ path, findings }: FileAnalysis): Finding[] {
  return findings
    .filter(({ code }) => code === 'ANALYSIS_FAILED' || code === 'TOO_LARGE')
    .map(({ code, message }) => ({ code, message: `Before the change: ${message}`, path, line: null }))
}

/** Those that no touched file had before: what is moved was there already. */
function addedCredentials(before: readonly FileAnalysis[], after: readonly FileAnalysis[]): Finding[] {
  const known = new Set(before.flatMap(({ credentials }) => credentials.map(({ fingerprint }) => fingerprint)))
  return after.flatMap(({ path, credentials }) =>
    credentials
      .filter(({ fingerprint }) => !known.has(fingerprint))
      .map(({ kind, line }) => {
        const message = `This line adds what looks like ${kind}. Once it is committed, the history keeps it.`
        return { code: 'CREDENTIAL', message, path, line }
      }),
  )
}

function pathWarnings({ path, previousPath, after }: EvaluatedFile): Finding[] {
  const names = previousPath === null || previousPath === path ? [path] : [path, previousPath]
  const decisions = names.flatMap((name) => {
    const decides = decisionOf(name)
    if (decides === null) return []
    return [{ code: 'DECIDES_BUILD_OR_TESTS', message: `Read this one with care: ${decides}.`, path: name, line: null }]
  })
  const hidden = after === null ? null : hiddenName(path)
  return hidden === null ? decisions : [...decisions, { code: 'HIDDEN_NAME', message: hidden, path, line: null }]
}

function hiddenName(path: string): string | null {
  const found = hiddenCharacter(path)
  if (found !== null) return `The file's name has a character that is not seen: ${found.name}.`
  if (path.split('/').some((part) => part !== part.trim())) return "The file's name begins or ends with a blank."
  if (path !== path.normalize('NFKC')) return "The file's name reads as another one under Unicode's NFKC."
  if (hasHiddenExtension(path)) return 'The file is a program behind the extension of a harmless one.'
  if (/(?:^|\/)\.[^/]+\.(?:pyw?|[cm]?[jt]sx?)$/.test(path)) return 'The file is a program that listings do not show.'
  return null
}

function byPlace(a: Placed, b: Placed): number {
  return (
    compare(a.path ?? '', b.path ?? '') ||
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0) ||
    compare(a.code ?? a.capability ?? '', b.code ?? b.capability ?? '') ||
    compare(a.symbol ?? a.message ?? '', b.symbol ?? b.message ?? '')
  )
}

interface Placed {
  readonly path: string | null
  readonly line: number | null
  readonly column?: number
  readonly code?: string
  readonly capability?: string
  readonly symbol?: string
  readonly message?: string
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type Reported = Omit<SafetyReport, 'evaluationHash' | 'reportHash' | 'analyzerVersion'>

/** The report as plain data; without places, what is left is sorted anew, since order tells places. */
function plainReport(report: Reported, withPlaces: boolean) {
  const use = ({ capability, language, path, line, column, symbol, snippet }: CapabilityUse) =>
    withPlaces
      ? { capability, language, path, symbol, snippet, line, column }
      : { capability, language, path, symbol, snippet }
  const finding = ({ code, message, path, line }: Finding) =>
    withPlaces ? { code, message, path, line } : { code, message: message.replace(/\bline \d+/g, 'line'), path }
  const sorted = <T>(items: readonly T[]): T[] =>
    items.toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b)))
  return {
    syntaxValid: report.syntaxValid,
    safe: report.safe,
    issues: sorted(report.issues.map(finding)),
    warnings: sorted(report.warnings.map(finding)),
    added: sorted(report.added.map(use)),
    removed: sorted(report.removed.map(use)),
    unchanged: sorted(report.unchanged.map(use)),
    addedCapabilities: report.addedCapabilities,
  }
}
