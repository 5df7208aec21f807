import { type ParseError, type ParseResult, type ParserOptions, type ParserPlugin, parse } from '@babel/parser'
import type { Language } from '../../domain/ports/code-analyzer.ts'

type Goal = 'module' | 'commonjs'

export interface ParsedJavaScript {
  /** What could be parsed, also with faults in it; null when the parser had to give up. */
  readonly tree: ParseResult | null
  /** The parser's own messages, without its places; empty when the source is legal. */
  readonly faults: readonly { readonly offset: number; readonly message: string }[]
}

const syntaxOfEveryFile: readonly ParserPlugin[] = [
  'decoratorAutoAccessors',
  'deferredImportEvaluation',
  'sourcePhaseImports',
]

/**
 * Parses a source as what its name says it is. Where the name leaves it open (module or script, with or without
 * JSX, which kind of decorators), a source is legal when it is so under one of the readings.
 * @throws RangeError when it is nested deeper than the stack allows
 */
export function parseJavaScript(path: string, text: string, language: Language): ParsedJavaScript {
  let first: ParsedJavaScript | null = null
  for (const options of readings(path, text, language)) {
    const parsed = attempt(text, options)
    if (parsed.faults.length === 0) return parsed
    first ??= parsed
  }
  return first ?? { tree: null, faults: [] }
}

function* readings(path: string, text: string, language: Language): Generator<ParserOptions> {
  for (const plugins of dialects(path, text, language)) {
    for (const sourceType of goals(path, text)) {
      yield reading(sourceType, [...plugins, 'decorators'])
      if (text.includes('@')) yield reading(sourceType, [...plugins, 'decorators-legacy'])
    }
  }
}

function reading(sourceType: Goal, plugins: ParserPlugin[]): ParserOptions {
  return {
    sourceType,
    plugins: [...syntaxOfEveryFile, ...plugins],
    errorRecovery: true,
    attachComment: false,
    locations: false,
    // A type may be exported that this parser does not count as declared.
    allowUndeclaredExports: plugins.some((plugin) => plugin !== 'jsx' && Array.isArray(plugin)),
  }
}

function dialects(path: string, text: string, language: Language): readonly (readonly ParserPlugin[])[] {
  if (/\.d\.(?:[^./]+\.)?[cm]?ts$/i.test(path)) return [[['typescript', { dts: true }]]]
  if (/\.tsx$/i.test(path)) return [[['typescript', {}], 'jsx']]
  if (/\.[cm]?ts$/i.test(path)) return [[['typescript', {}]]]
  if (language === 'TYPESCRIPT') return [[['typescript', {}]], [['typescript', {}], 'jsx']]
  return /@flow\b/.test(text.slice(0, 5_000)) ? [[['flow', { all: true }], 'jsx'], ['jsx']] : [['jsx']]
}

function goals(path: string, text: string): readonly Goal[] {
  if (/\.m[jt]s$/i.test(path)) return ['module']
  if (/\.cjs$/i.test(path)) return ['commonjs']
  const isLikelyModule = /\b(?:import|export|await)\b/.test(text)
  return isLikelyModule ? ['module', 'commonjs'] : ['commonjs', 'module']
}

function attempt(text: string, options: ParserOptions): ParsedJavaScript {
  try {
    const tree = parse(text, options)
    return { tree, faults: tree.errors.map(fault) }
  } catch (error) {
    if (!isParseError(error)) throw error
    return { tree: null, faults: [fault(error)] }
  }
}

function isParseError(error: unknown): error is ParseError {
  return error instanceof SyntaxError && 'pos' in error
}

function fault({ pos, message }: ParseError): { offset: number; message: string } {
  return { offset: pos, message: message.replace(/ \(\d+:\d+\)$/, '') }
}
