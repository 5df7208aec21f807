/** The port to the static analysis of source files. It executes nothing of what it reads. */

export const capabilities = [
  'FILESYSTEM_READ',
  'FILESYSTEM_WRITE',
  'NETWORK_REQUEST',
  'SUBPROCESS',
  'EVAL_EXEC',
  'IMPORT_DYNAMIC',
  'PICKLE',
  'SOCKET',
] as const
export type Capability = (typeof capabilities)[number]

export const languages = ['PYTHON', 'JAVASCRIPT', 'TYPESCRIPT'] as const
export type Language = (typeof languages)[number]

export interface CapabilityUse {
  readonly capability: Capability
  readonly language: Language
  readonly path: string
  /** Counts from 1. */
  readonly line: number
  /** Counts from 1, in characters. */
  readonly column: number
  /** The resolved name, for example `subprocess.run`. */
  readonly symbol: string
  /** The line of source, trimmed and at most 200 characters. */
  readonly snippet: string
}

export interface Finding {
  /** A stable word, for example `NON_UTF8_CODING`. */
  readonly code: string
  readonly message: string
  readonly path: string | null
  readonly line: number | null
}

export interface SyntaxFault {
  readonly path: string
  readonly line: number | null
  /** The parser's own message. */
  readonly message: string
}

/** A secret by its shape. What it says is nowhere but in the file. */
export interface Credential {
  /** For people: `an AWS access key`. */
  readonly kind: string
  /** The same for the same secret: tells one that was there before from a new one. */
  readonly fingerprint: string
  readonly line: number
}

export interface SourceFile {
  readonly path: string
  readonly content: Buffer
}

export interface FileAnalysis {
  readonly path: string
  /** Null for a file in a language without rules: it is not analysed, and not safe. */
  readonly language: Language | null
  /** True for what cannot run: prose, images, data. */
  readonly inert: boolean
  readonly uses: readonly CapabilityUse[]
  readonly syntaxFaults: readonly SyntaxFault[]
  readonly findings: readonly Finding[]
  readonly credentials: readonly Credential[]
}

export interface CodeAnalyzer {
  /** Names analyzer, rules and parsers: another one may report something else. */
  readonly version: string
  /** Analyses each file by itself, in the order given; a file that cannot be analysed becomes a finding, never silence. */
  analyze(files: readonly SourceFile[]): Promise<readonly FileAnalysis[]>
  [Symbol.asyncDispose](): Promise<void>
}
