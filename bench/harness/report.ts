import type { Result, Row } from './result.ts'
import type { Spread } from './statistics.ts'

/** Three digits that count: `0.0123`, `1.23`, `12.3`, `12,300`. */
export const short = (value: number): string => {
  if (!Number.isFinite(value)) return 'none'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-GB')
  const digits = size === 0 ? 0 : 2 - Math.floor(Math.log10(size))
  return value.toFixed(Math.min(digits, 4))
}

const spread = ({ low, median, high }: Spread): string => `${short(median)} (${short(low)} to ${short(high)})`

const isOfRatio = ({ goal }: Row): boolean => goal === null || 'atMost' in goal || 'atLeast' in goal

const valueText = (row: Row): string => {
  const of = (value: number) => (isOfRatio(row) ? `${short(value)}x` : `${short(value)} ${row.unit}`)
  const [low, high] = row.verdict.interval
  const sign = row.goal !== null && 'addsAtMost' in row.goal && row.verdict.value >= 0 ? '+' : ''
  return `${sign}${of(row.verdict.value)} (${short(low)} to ${short(high)})`
}

const goalText = ({ goal, unit }: Row): string => {
  if (goal === null) return ''
  if ('atMost' in goal) return `at most ${short(goal.atMost)}x`
  if ('atLeast' in goal) return `at least ${short(goal.atLeast)}x`
  if ('addsAtMost' in goal) return `at most ${short(goal.addsAtMost)} ${unit} more`
  return `at most ${short(goal.valueAtMost)} ${unit}`
}

const holdsText = ({ verdict: { holds } }: Row): string => (holds === null ? '' : holds ? 'yes' : 'no')

export const headings = ['what', 'compared with', 'unit', 'ours', 'reference', 'ratio', 'goal', 'holds']

/** The cells of a comparison, one for each heading. */
export const cellsOf = (row: Row): readonly string[] => [
  row.name,
  row.comparedWith,
  row.unit,
  spread(row.verdict.ours),
  spread(row.verdict.reference),
  valueText(row),
  goalText(row),
  holdsText(row),
]

export const countsText = (counts: Row['counts']): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${Number.isInteger(count) ? count.toLocaleString('en-GB') : short(count)}`)
    .join(', ')

/** A result for a terminal. */
export const reportOf = (result: Result): string => {
  const rows = result.rows.map(cellsOf)
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()
  const more = result.rows.flatMap((row) => {
    const counts = countsText(row.counts)
    return [counts && `  ${row.name}: ${counts}`, row.note && `  ${row.name}: ${row.note}`].filter((text) => text)
  })
  return [`${result.name} (${result.seconds} s): ${result.about}`, line(headings), ...rows.map(line), ...new Set(more)]
    .join('\n')
    .concat('\n')
}
