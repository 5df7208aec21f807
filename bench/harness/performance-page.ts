import { isDeepStrictEqual } from 'node:util'
import { cellsOf, countsText, headings } from './report.ts'
import type { Circumstances, Result, Row } from './result.ts'

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

const machineText = ({ machine: { processor, cores, memoryGib, system } }: Circumstances): string =>
  `${processor}, ${cores} cores, ${memoryGib} GiB, ${system}`

const versionsText = ({ versions }: Circumstances): string =>
  Object.entries(versions)
    .map((pair) => pair.join(' '))
    .join(', ')

/** @param common what all results have alike, and is said once for all */
const section = (result: Result, common: Circumstances | null): string => {
  const rounds = [...new Set(result.rows.map((row) => row.rounds))].join(', ')
  const own = common === null ? `, on ${machineText(result)}; ${versionsText(result)}` : ''
  const parts = [
    `## ${result.name}`,
    result.about,
    table([headings, ...result.rows.map(cellsOf)]),
    lines(result.rows, (row) => row.note).join('\n'),
    lines(result.rows, (row) => countsText(row.counts)).join('\n'),
    `${result.date}, ${rounds} rounds, ${result.seconds} s${own}.`,
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

/** Of results that were all taken on one machine with the same versions; null for others. */
const commonOf = ([first, ...others]: readonly Result[]): Circumstances | null => {
  if (first === undefined) return null
  const { machine, versions } = first
  return others.every((other) => isDeepStrictEqual([other.machine, other.versions], [machine, versions])) ? first : null
}

/**
 * The page with what was measured: everything below the mark.
 * @param names of all benchmarks, also of those of which there is no result
 * @throws Error when there is no mark
 */
export const performancePage = (page: string, results: readonly Result[], names: readonly string[]): string => {
  const at = page.indexOf(beginning)
  if (at < 0) throw new Error(`The page on performance has lost its mark: ${beginning}`)
  const common = commonOf(results)
  const missing = names.filter((name) => results.every((result) => result.name !== name))
  const parts = [
    summary(results),
    missing.length > 0 && `Not measured yet: ${missing.join(', ')}.`,
    common && `All on ${machineText(common)}, with ${versionsText(common)}.`,
    ...results.map((result) => section(result, common)),
  ]
  const body = results.length === 0 ? 'Nothing was measured yet.' : parts.filter((part) => part).join('\n\n')
  return `${page.slice(0, at)}${beginning}\n\n${body}\n`
}
