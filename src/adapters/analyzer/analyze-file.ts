import type { CapabilityUse, Finding, SyntaxFault } from '../../domain/ports/code-analyzer.ts'
import { decode, hiddenCharacters, pythonEncodingFindings } from './deceptions.ts'
import type { PythonAnalyzer } from './python.ts'
import { sourceText } from './source-text.ts'

export interface FileFacts {
  readonly uses: readonly CapabilityUse[]
  /** Where the tree's parser had to give up. */
  readonly parserFaults: readonly SyntaxFault[]
  readonly findings: readonly Finding[]
}

/** Everything that can be told from one Python file. `mustParse` asks for parser faults in every case. */
export function analyzePythonFile(
  analyzer: PythonAnalyzer,
  path: string,
  content: Buffer,
  mustParse: boolean,
): FileFacts {
  const text = decode(content)
  const source = sourceText(text)
  const analysis = analyzer.analyze(text, mustParse)
  const lineOf = (offset: number) => source.position(offset).line
  return {
    uses: analysis.uses.map(({ capability, symbol, offset }) => ({
      capability,
      language: 'PYTHON',
      path,
      ...source.position(offset),
      symbol,
      snippet: source.snippet(offset),
    })),
    parserFaults: analysis.errors.map((offset) => ({
      path,
      line: lineOf(offset),
      message: `invalid syntax near ${JSON.stringify(source.snippet(offset).slice(0, 60))}`,
    })),
    findings: [
      ...pythonEncodingFindings(path, content, text),
      ...hiddenCharacters(path, text),
      ...analysis.changedIdentifiers.map(({ written, read, offset }) => ({
        code: 'NFKC_IDENTIFIER',
        message: `Python reads the identifier ${written} as ${read}.`,
        path,
        line: lineOf(offset),
      })),
      ...analysis.computedNames.map(({ module, offset }) => ({
        code: 'COMPUTED_NAME',
        message: `A name that is computed is taken from the module ${module}: what it is cannot be told.`,
        path,
        line: lineOf(offset),
      })),
    ],
  }
}
