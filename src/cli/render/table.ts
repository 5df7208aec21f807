import { padEnd, padStart, truncate, widthOf } from './width.ts'

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** The one that is cut when the table is too wide. */
  readonly shrinks?: true
}

const gap = 2

/** Rows of cells that are visible text already, in columns; never wider than `columns`. */
export const renderTable = (
  header: readonly Column[],
  cells: readonly (readonly string[])[],
  columns: number,
  indent = '',
): string => {
  const natural = header.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map((row) => widthOf(row[index] ?? ''))),
  )
  const total = natural.reduce((sum, width) => sum + width + gap, indent.length - gap)
  const excess = Math.max(0, total - columns)
  const widths = natural.map((width, index) => (header[index]?.shrinks ? Math.max(8, width - excess) : width))
  const line = (row: readonly string[]) =>
    indent +
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0
        const fitted = truncate(cell, width)
        return header[index]?.align === 'right' ? padStart(fitted, width) : padEnd(fitted, width)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return [header.map((column) => column.title), ...cells].map((row) => truncate(line(row), columns)).join('\n')
}
