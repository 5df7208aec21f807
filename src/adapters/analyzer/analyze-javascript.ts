import { isUtf8 } from 'node:buffer'
import type { Finding } from '../../domain/ports/code-analyzer.ts'
import type { LanguageFacts, SourceDocument } from './analyze-file.ts'
import { createJavaScriptAnalyzer } from './javascript.ts'

const mostFaults = 20

/** The analysis of JavaScript and TypeScript files. */
export function analyzeJavaScript(): (document: SourceDocument) => LanguageFacts {
  const analyzer = createJavaScriptAnalyzer()
  return ({ path, language, content, text, shown }) => {
    const analysis = analyzer.analyze(path, text, language)
    const lineOf = (offset: number) => shown.position(offset).line
    const finding = (code: string, offset: number, message: string): Finding => {
      return { code, message, path, line: lineOf(offset) }
    }
    return {
      uses: analysis.uses,
      parserFaults: analysis.faults
        .slice(0, mostFaults)
        .map(({ offset, message }) => ({ path, line: lineOf(offset), message })),
      findings: [
        ...encodingFindings(path, content, text, lineOf),
        ...(analysis.isComplete || analysis.faults.length > 0 ? [] : [partly(path)]),
        ...analysis.computedNames.map(({ object, offset }) =>
          finding(
            'COMPUTED_NAME',
            offset,
            `A name that is computed is taken from ${object}: what it is cannot be told.`,
          ),
        ),
        ...analysis.htmlComments.map((offset) =>
          finding(
            'HTML_COMMENT',
            offset,
            'This is a comment where the file is a script, and code where it is a module.',
          ),
        ),
      ],
      identifiers: analysis.identifiers,
    }
  }
}

function partly(path: string): Finding {
  const message = 'Values go further ways in this file than were followed. The analysis may have missed something.'
  return { code: 'PARTLY_ANALYSED', message, path, line: null }
}

/** What makes an engine read another program than a person does. */
function encodingFindings(
  path: string,
  content: Buffer,
  text: string,
  lineOf: (offset: number) => number,
): readonly Finding[] {
  const findings: Finding[] = []
  if (!isUtf8(content)) {
    findings.push({ code: 'INVALID_UTF8', message: 'The file is not valid UTF-8.', path, line: null })
  }
  const bareReturn = /\r(?!\n)/.exec(text)
  if (bareReturn !== null) {
    const message = 'A carriage return without a line feed ends a line for JavaScript, and for most viewers does not.'
    findings.push({ code: 'BARE_CARRIAGE_RETURN', message, path, line: lineOf(bareReturn.index) })
  }
  return findings
}
