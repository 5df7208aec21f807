import { isUtf8 } from 'node:buffer'
import type { Finding } from '../../domain/ports/code-analyzer.ts'
import { hiddenCharacter } from '../../domain/safety/hidden-characters.ts'
import { sourceText } from './source-text.ts'

const mostPerFile = 20
const codingLine = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/
const utf8Names = new Set(['utf8', 'utf8sig', 'ascii', 'usascii', 'u8', 'utf', '646', 'cp65001'])

/** Bytes as text: UTF-8 without its mark, or Latin-1 where they are not UTF-8, so that there always is a text. */
export function decode(content: Buffer): string {
  const text = isUtf8(content) ? content.toString('utf8') : content.toString('latin1')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** Characters that make a text look different from what it is; at most 20, one a line. */
export function hiddenCharacters(path: string, text: string): Finding[] {
  const source = sourceText(text)
  const findings: Finding[] = []
  let from = 0
  while (findings.length < mostPerFile) {
    const found = hiddenCharacter(text, from)
    if (found === null) break
    const { line } = source.position(found.offset)
    findings.push({ code: found.code, message: `This line has ${found.name}.`, path, line })
    const end = text.indexOf('\n', found.offset)
    if (end === -1) break
    from = end
  }
  return findings
}

/** What makes Python read another program than a person or a parser does. */
export function pythonEncodingFindings(path: string, content: Buffer, text: string): Finding[] {
  const findings: Finding[] = []
  const coding = declaredCoding(text)
  if (coding !== null && !utf8Names.has(coding.name.toLowerCase().replace(/[-_.]/g, ''))) {
    const message = `The coding line says ${coding.name}: Python reads other text than is shown.`
    findings.push({ code: 'NON_UTF8_CODING', message, path, line: coding.line })
  }
  if (!isUtf8(content)) {
    findings.push({ code: 'INVALID_UTF8', message: 'The file is not valid UTF-8.', path, line: null })
  }
  const bareReturn = /\r(?!\n)/.exec(text)
  if (bareReturn !== null) {
    const message = 'A carriage return without a line feed ends a line for Python, and for most viewers does not.'
    findings.push({
      code: 'BARE_CARRIAGE_RETURN',
      message,
      path,
      line: sourceText(text).position(bareReturn.index).line,
    })
  }
  return findings
}

/** PEP 263: on the first line, or on the second when the first has no code. */
function declaredCoding(text: string): { name: string; line: number } | null {
  const [first = '', second = ''] = text.slice(0, 4_000).split(/\r\n|\r|\n/, 2)
  for (const [index, line] of [first, second].entries()) {
    if (index === 1 && !/^[ \t\f]*(?:#.*)?$/.test(first)) return null
    const name = codingLine.exec(line)?.[1]
    if (name !== undefined) return { name, line: index + 1 }
  }
  return null
}
