import { cellsOf, countsText, headings } from './report.ts'
import type { Result, Row } from './result.ts'

const beginning = '<!-- From bench/results.json: npm run bench -- --write -->'

const escaped = (text: string): string => text.replaceAll('|', '\\|')

// As wide as the formatter makes it.
const table = (rows: readonly (readonly string[])[]): string => {
  const [first = [], ...others] = rows.map((cells) => cells.map(escaped))
  const widths = first.map((_, column) => Math.max(3, ...[first, ...others].map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [first, widths.map((width) => '-'.repeat(width)), ...others].map(line).join('\n')
}

const lines = (rows: readonly Row[], textOf: (row: Row) => string | null): readonly string[] => [
  ...new Set(
    rows.flatMap((row) => {
      const text = textOf(row)
      return text ? [`- ${row.name}: ${text}`] : []
    }),
  ),
]

const section = (result: Result): string => {
  const rounds = [...new Set(result.rows.map((row) => row.rounds))].join(', ')
  const { processor, cores, memoryGib, system } = result.machine
  const parts = [
    `## ${result.name}`,
    result.about,
    table([headings, ...result.rows.map(cellsOf)]),
    lines(result.rows, (row) => row.note).join('\n'),
    lines(result.rows, (row) => countsText(row.counts)).join('\n'),
    `${result.date}, ${rounds} rounds, ${result.seconds} s, on ${processor}, ${cores} cores, ${memoryGib} GiB, ${system}.`,
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

const summary = (results: readonly Result[]): string => {
  const rows = results.flatMap(({ name, rows }) => rows.map((row) => ({ of: name, row, holds: row.verdict.holds })))
  const held = rows.filter(({ holds }) => holds === true).length
  const missed = rows.filter(({ holds }) => holds === false)
  const list = missed.map(({ of, row }) => {
    const [, , , , , value = '', goal = ''] = cellsOf(row)
    return `- [${of}](#${of}), ${row.name}, beside ${row.comparedWith}: ${value}, where the goal is ${goal}.`
  })
  const said = `${held} of ${held + missed.length} goals hold.`
  return list.length === 0 ? said : `${said} These do not:\n\n${list.join('\n')}`
}

const versionsText = (results: readonly Result[]): string => {
  const found = new Map<string, Set<string>>()
  for (const { versions } of results) {
    for (const [name, version] of Object.entries(versions)) {
      found.set(name, (found.get(name) ?? new Set()).add(version))
    }
  }
  return [...found].map(([name, seen]) => `${name} ${[...seen].join(' and ')}`).join(', ')
}

/**
 * The page with what was measured: everything below the mark.
 * @throws Error when there is no mark
 */
export const performancePage = (page: string, results: readonly Result[]): string => {
  const at = page.indexOf(beginning)
  if (at < 0) throw new Error(`The page on performance has lost its mark: ${beginning}`)
  const body =
    results.length === 0
      ? 'Nothing was measured yet.'
      : [summary(results), `Versions: ${versionsText(results)}.`, ...results.map(section)].join('\n\n')
  return `${page.slice(0, at)}${beginning}\n\n${body}\n`
}
