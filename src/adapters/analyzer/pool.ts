import type { CodeAnalyzer, FileAnalysis, Finding, SourceFile } from '../../domain/ports/code-analyzer.ts'
import { fileKind } from '../../domain/safety/language.ts'
import { analyzerVersion } from './analyzer-version.ts'
import { type AnalyzerChild, createAnalyzerChild } from './child-process.ts'
import { decode, hiddenCharacters } from './deceptions.ts'
import type { PythonSyntaxCheck, SyntaxVerdict } from './python-syntax.ts'

export interface CodeAnalyzerOptions {
  /** Python's own parser; without it (null), syntax is what the tree's parser accepts. */
  readonly syntaxCheck?: PythonSyntaxCheck | null
  /** What one file may take, in milliseconds. */
  readonly timeoutMs?: number
  /** Larger files are not analysed, and said to be so. */
  readonly maxBytes?: number
}

/**
 * Analyses in a child process that can be killed, since a hostile file can hold a parser for minutes.
 * A file that is too large, kills its process or takes too long becomes a finding; the others are still analysed.
 */
export function createCodeAnalyzer(options: CodeAnalyzerOptions = {}): CodeAnalyzer {
  const { syntaxCheck = null, timeoutMs = 5_000, maxBytes = 1024 * 1024 } = options
  const child = createAnalyzerChild(timeoutMs)
  return {
    version: analyzerVersion(syntaxCheck?.identity ?? null),
    async analyze(files) {
      const isChecked = (file: SourceFile) =>
        fileKind(file.path, file.content).language === 'PYTHON' && file.content.length <= maxBytes
      const checked = files.filter(isChecked)
      const verdicts = await syntaxCheck?.check(checked.map(({ content }) => content))
      const verdictOf = new Map(checked.map((file, index) => [file, verdicts?.[index] ?? null]))
      const analyses: FileAnalysis[] = []
      for (const file of files) {
        analyses.push(await analyzeOne(file, verdictOf.get(file) ?? null, child, maxBytes))
      }
      return analyses
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

async function analyzeOne(
  file: SourceFile,
  verdict: SyntaxVerdict | null,
  child: AnalyzerChild,
  maxBytes: number,
): Promise<FileAnalysis> {
  const { path, content } = file
  const { language, inert } = fileKind(path, content)
  const nothing = { path, language: null, inert, uses: [], syntaxFaults: [], findings: [] }
  if (inert) return nothing
  if (language !== 'PYTHON') {
    const isText = content.length <= maxBytes && !content.includes(0)
    return { ...nothing, findings: isText ? hiddenCharacters(path, decode(content)) : [] }
  }
  if (content.length > maxBytes) {
    const message = `The file has ${content.length} bytes; up to ${maxBytes} are analysed.`
    return { ...nothing, language, findings: [{ code: 'TOO_LARGE', message, path, line: null }] }
  }
  const mustParse = verdict === null || verdict.kind === 'unchecked'
  const outcome = await child.run({ path, content, mustParse })
  const facts = 'facts' in outcome ? outcome.facts : { uses: [], parserFaults: [], findings: [] }
  const findings: Finding[] = [...facts.findings]
  if ('failure' in outcome) findings.push(failure(path, `The file could not be analysed: ${outcome.failure}.`))
  if (verdict?.kind === 'unchecked') findings.push(failure(path, `Its syntax could not be checked: ${verdict.reason}.`))
  const disagreement = facts.parserFaults[0]
  if (verdict?.kind === 'valid' && disagreement !== undefined) {
    const message = `Python accepts this file, and the analysis stumbles over it: ${disagreement.message}. It may have missed something.`
    findings.push({ code: 'PARTLY_ANALYSED', message, path, line: disagreement.line })
  }
  const faults =
    verdict?.kind === 'fault'
      ? [{ path, line: verdict.line, message: verdict.message }]
      : mustParse
        ? facts.parserFaults
        : []
  return { path, language, inert, uses: facts.uses, syntaxFaults: faults, findings }
}

function failure(path: string, message: string): Finding {
  return { code: 'ANALYSIS_FAILED', message, path, line: null }
}
