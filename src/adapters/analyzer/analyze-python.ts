import type { LanguageFacts, SourceDocument } from './analyze-file.ts'
import { classWalks } from './class-walks.ts'
import { pythonEncodingFindings } from './deceptions.ts'
import { createPythonAnalyzer } from './python.ts'

/** The analysis of Python files. */
export function analyzePython(): (document: SourceDocument) => LanguageFacts {
  const analyzer = createPythonAnalyzer()
  return ({ path, content, text, shown, mustParse }) => {
    const analysis = analyzer.analyze(text, mustParse)
    const lineOf = (offset: number) => shown.position(offset).line
    return {
      uses: analysis.uses,
      parserFaults: analysis.errors.slice(0, mostFaults).map((offset) => ({
        path,
        line: lineOf(offset),
        message: `invalid syntax near ${JSON.stringify(shown.snippet(offset).slice(0, 60))}`,
      })),
      findings: [
        ...pythonEncodingFindings(path, content, text),
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
        ...classWalks(text).map((offset) => ({
          code: 'CLASS_WALK',
          message: 'This walks from an object to every class of the interpreter: what it picks cannot be told.',
          path,
          line: lineOf(offset),
        })),
      ],
      identifiers: analysis.identifiers,
    }
  }
}

const mostFaults = 20
