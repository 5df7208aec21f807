import type { CodeAnalyzer, FileAnalysis, Finding, SourceFile, SyntaxFault } from '../../domain/ports/code-analyzer.ts'
import { fileKind } from '../../domain/safety/language.ts'
import type { FileFacts } from './analyze-file.ts'
import { type AnalyzerProcesses, createAnalyzerProcesses } from './analyzer-processes.ts'
import { analyzerVersion } from './analyzer-version.ts'
import { analyzerScript } from './child-process.ts'
import type { PythonSyntaxCheck, SyntaxVerdict } from './python-syntax.ts'

export interface CodeAnalyzerOptions {
  /** Python's own parser; without it (null), syntax is what the tree's parser accepts. */
  readonly syntaxCheck?: PythonSyntaxCheck | null
  /** What one file may take, in milliseconds. */
  readonly timeoutMs?: number
  /** Larger files are not analysed, and said to be so. */
  readonly maxBytes?: number
  /** Files that are analysed at the same time, at most. */
  readonly processes?: number
  /** What each process runs; what tests have bundled. */
  readonly script?: URL | undefined
}

const defaultMaxBytes = 5 * 1024 * 1024

/**
 * Analyses in child processes that can be killed, since a hostile file can hold a parser for minutes. The processes
 * are started when the first file comes, and serve all callers. A file that is too large, kills its process or takes
 * too long becomes a finding; the others are still analysed.
 */
export function createCodeAnalyzer(options: CodeAnalyzerOptions = {}): CodeAnalyzer {
  const { syntaxCheck = null, timeoutMs = 3_000, maxBytes = defaultMaxBytes, processes = 2 } = options
  const pool = createAnalyzerProcesses(processes, timeoutMs, options.script ?? analyzerScript)
  return {
    version: analyzerVersion(syntaxCheck?.identity ?? null),
    async analyze(files) {
      const isChecked = ({ path, content }: SourceFile) =>
        content.length <= maxBytes && fileKind(path, content).language === 'PYTHON'
      const checked = syntaxCheck === null ? [] : files.filter(isChecked)
      const verdicts = syntaxCheck?.check(checked.map(({ content }) => content))
      const placeOf = new Map(checked.map((file, index) => [file, index]))
      const verdictOn = (file: SourceFile) => {
        const place = placeOf.get(file)
        if (verdicts === undefined || place === undefined) return null
        return verdicts.then((all) => all[place] ?? null)
      }
      return Promise.all(files.map((file) => analyzeOne(file, verdictOn(file), pool, maxBytes)))
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

const noFacts: FileFacts = { isAnalyzed: true, uses: [], parserFaults: [], findings: [], credentials: [] }

async function analyzeOne(
  file: SourceFile,
  checking: Promise<SyntaxVerdict | null> | null,
  pool: AnalyzerProcesses,
  maxBytes: number,
): Promise<FileAnalysis> {
  const { path, content } = file
  const { language, inert } = fileKind(path, content)
  const nothing = { path, language, inert, uses: [], syntaxFaults: [], findings: [], credentials: [] }
  // Pictures and other bytes that are no text: neither code nor credentials can be read in them.
  if (language === null && content.includes(0)) return nothing
  if (content.length > maxBytes) {
    const message = `The file has ${content.length} bytes; up to ${maxBytes} are analysed.`
    return { ...nothing, findings: [{ code: 'TOO_LARGE', message, path, line: null }] }
  }
  const task = { path, content, language, inert, mustParse: checking === null }
  const [outcome, verdict] = await Promise.all([pool.run(task), checking])
  const facts = 'facts' in outcome ? outcome.facts : noFacts
  const findings: Finding[] = [...facts.findings]
  if ('failure' in outcome) findings.push(failure(path, `The file could not be analysed: ${outcome.failure}.`))
  if (verdict?.kind === 'unchecked') findings.push(failure(path, `Its syntax could not be checked: ${verdict.reason}.`))
  const disagreement = facts.parserFaults[0]
  if (verdict?.kind === 'valid' && disagreement !== undefined) {
    const message = `Python accepts this file, and the analysis stumbles over it: ${disagreement.message}. It may have missed something.`
    findings.push({ code: 'PARTLY_ANALYSED', message, path, line: disagreement.line })
  }
  return {
    ...nothing,
    language: facts.isAnalyzed ? language : null,
    uses: facts.uses,
    syntaxFaults: syntaxFaults(path, facts, verdict),
    findings,
    credentials: facts.credentials,
  }
}

/** What the language's own parser says counts, where it was asked. */
function syntaxFaults(path: string, facts: FileFacts, verdict: SyntaxVerdict | null): readonly SyntaxFault[] {
  if (verdict?.kind === 'valid') return []
  if (verdict?.kind === 'fault') return [{ path, line: verdict.line, message: verdict.message }]
  return facts.parserFaults
}

function failure(path: string, message: string): Finding {
  return { code: 'ANALYSIS_FAILED', message, path, line: null }
}
