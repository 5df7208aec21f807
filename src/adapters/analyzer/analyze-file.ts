import type {
  Capability,
  CapabilityUse,
  Credential,
  Finding,
  Language,
  SyntaxFault,
} from '../../domain/ports/code-analyzer.ts'
import { analyzeJavaScript } from './analyze-javascript.ts'
import { analyzePython } from './analyze-python.ts'
import { findCredentials, maskCredentials } from './credentials.ts'
import { decode, hiddenCharacters } from './deceptions.ts'
import { lookAlikes } from './look-alikes.ts'
import { packageScriptFindings } from './package-scripts.ts'
import { type SourceText, sourceText } from './source-text.ts'

/** One file, as the parent process sends it. */
export interface FileTask {
  readonly path: string
  readonly content: Uint8Array
  /** Null for what is no program, and for programs in other languages. */
  readonly language: Language | null
  readonly inert: boolean
  /** Asks for parser faults in every case: nobody else looks at the syntax. */
  readonly mustParse: boolean
}

export interface FileFacts {
  /** False for a language without an analysis. */
  readonly isAnalyzed: boolean
  readonly uses: readonly CapabilityUse[]
  /** Where the tree's parser had to give up. */
  readonly parserFaults: readonly SyntaxFault[]
  readonly findings: readonly Finding[]
  readonly credentials: readonly Credential[]
}

/** A file as its language's analysis takes it. */
export interface SourceDocument {
  readonly path: string
  readonly language: Language
  readonly content: Buffer
  readonly text: string
  /** Places and snippets of the text. Offsets are the text's own, and credentials are masked. */
  readonly shown: SourceText
  readonly mustParse: boolean
}

/** What an analysis tells of one file, beside what is told of every text. */
export interface LanguageFacts {
  readonly uses: readonly PlacedUse[]
  readonly parserFaults: readonly SyntaxFault[]
  readonly findings: readonly Finding[]
  /** Where the code, not its comments and strings, has identifiers that are spelled like one of these words. */
  identifiers(words: readonly string[]): readonly Identifier[]
}

/** A use where it stands in the text. */
interface PlacedUse {
  readonly capability: Capability
  readonly symbol: string
  readonly offset: number
}

export interface Identifier {
  readonly name: string
  readonly offset: number
}

type AnalyzeLanguage = (document: SourceDocument) => LanguageFacts

/** More of one capability in one file says nothing more to a reviewer, and costs memory. */
const mostUses = 2_000
const mostFindings = 100

/** Everything that can be told from one file by itself. The languages' analyses are made once and used again. */
export function createFileAnalyzer(): (task: FileTask) => FileFacts {
  const javascript = analyzeJavaScript()
  const analyses: Record<Language, AnalyzeLanguage> = {
    PYTHON: analyzePython(),
    JAVASCRIPT: javascript,
    TYPESCRIPT: javascript,
  }

  return ({ path, content, language, inert, mustParse }) => {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    const text = decode(bytes)
    const credentials = findCredentials(text)
    const plain = sourceText(text)
    const found = credentials.map(({ kind, fingerprint, offset }) => {
      return { kind, fingerprint, line: plain.position(offset).line }
    })
    const secrets = credentials.map(({ secret }) => secret)
    if (language === null) {
      const findings = inert
        ? []
        : [...hiddenCharacters(path, text), ...generateDirectives(path, text), ...packageScriptFindings(path, text)]
      return masked({ isAnalyzed: false, uses: [], parserFaults: [], findings, credentials: found }, secrets)
    }
    const shown = sourceText(maskCredentials(text, credentials))
    const facts = analyses[language]({ path, language, content: bytes, text, shown, mustParse })
    const listed = firstOfEach(facts.uses)
    const uses = listed.map(({ capability, symbol, offset }) => {
      return { capability, language, path, ...shown.position(offset), symbol, snippet: shown.snippet(offset) }
    })
    const findings = [
      ...facts.findings.slice(0, mostFindings),
      ...hiddenCharacters(path, text),
      ...lookAlikes(text, facts.identifiers).map(({ offset, message }) => {
        return { code: 'LOOK_ALIKE_IDENTIFIER', message, path, line: plain.position(offset).line }
      }),
      ...(uses.length < facts.uses.length ? [tooMany(path, facts.uses.length - uses.length)] : []),
    ]
    return masked({ isAnalyzed: true, uses, parserFaults: facts.parserFaults, findings, credentials: found }, secrets)
  }
}

function firstOfEach(uses: readonly PlacedUse[]): readonly PlacedUse[] {
  const count = new Map<string, number>()
  return uses.filter(({ capability }) => {
    const before = count.get(capability) ?? 0
    count.set(capability, before + 1)
    return before < mostUses
  })
}

function tooMany(path: string, left: number): Finding {
  const message = `${left} more uses are not listed: of each capability, the first ${mostUses} are.`
  return { code: 'MANY_USES', message, path, line: null }
}

/** Go runs these lines when it is asked to generate code. */
function generateDirectives(path: string, text: string): Finding[] {
  const directive = path.endsWith('.go') ? /^\/\/go:generate[ \t]/m.exec(text) : null
  if (directive === null) return []
  const { line } = sourceText(text).position(directive.index)
  return [{ code: 'DECIDES_BUILD_OR_TESTS', message: 'Read this line with care: go generate runs it.', path, line }]
}

/** A parser's own words may quote the source. */
function masked(facts: FileFacts, secrets: readonly string[]): FileFacts {
  if (secrets.length === 0) return facts
  const mask = (text: string) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '*'), text)
  return {
    ...facts,
    uses: facts.uses.map((use) => ({ ...use, symbol: mask(use.symbol) })),
    parserFaults: facts.parserFaults.map((fault) => ({ ...fault, message: mask(fault.message) })),
    findings: facts.findings.map((finding) => ({ ...finding, message: mask(finding.message) })),
  }
}
