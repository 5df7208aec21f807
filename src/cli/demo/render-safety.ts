import { plural } from '../render/amounts.ts'
import { heading } from '../render/section.ts'
import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { truncate, wrap } from '../render/width.ts'
import type { CapabilityUse, Finding, Safety } from './shapes.ts'

/** What the resulting code can do that the old could not, and what a reviewer should know. */
export const renderSafety = (safety: Safety, style: Style, columns: number): string =>
  [
    heading('Capability report', style, columns),
    safety.syntaxValid ? '  The resulting code parses.' : style.bad('  The resulting code does not parse.'),
    safety.addedCapabilities.length === 0
      ? '  No new use of a capability was found in the files that it changes.'
      : style.warn(`  It can newly do: ${safety.addedCapabilities.map(visibleLine).join(', ')}`),
    ...uses('added', '+', safety.added, style.warn, columns),
    ...uses('removed', '-', safety.removed, style.good, columns),
    ...findings('issue', safety.issues, style.bad, columns),
    ...findings('warning', safety.warnings, style.warn, columns),
    style.faint('  This report informs; it is no boundary. The sandbox is.'),
  ].join('\n')

const uses = (
  word: string,
  mark: string,
  found: readonly CapabilityUse[],
  colour: (text: string) => string,
  columns: number,
): readonly string[] =>
  found.length === 0
    ? []
    : [
        `  ${plural(found.length, 'use')} ${word}:`,
        ...found.map(({ capability, path, line, symbol, snippet }) =>
          truncate(
            `  ${colour(mark)} ${visibleLine(path)}:${line} ${visibleLine(symbol)} (${visibleLine(capability)})  ${visibleLine(snippet)}`,
            columns,
          ),
        ),
      ]

const findings = (
  noun: string,
  found: readonly Finding[],
  colour: (text: string) => string,
  columns: number,
): readonly string[] => [
  found.length === 0 ? `  No ${noun}s.` : colour(`  ${plural(found.length, noun)}:`),
  ...found.map(({ code, message, path, line }) => {
    const place = path === null ? '' : `${visibleLine(path)}${line === null ? '' : `:${line}`} `
    return wrap(`${place}${visibleLine(code)}: ${visibleLine(message)}`, columns, '    ')
  }),
]
