import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { padEnd, wrap } from '../render/width.ts'
import type { Check } from './check.ts'

const marks: Readonly<Record<Check['status'], readonly [mark: string, meaning: keyof Style]>> = {
  ok: ['ok', 'good'],
  limited: ['limited', 'warn'],
  missing: ['missing', 'bad'],
}

const statusColumns = 9
const nameColumns = 11

/** One check a line, and below it how to get what is not there. */
export const renderChecks = (checks: readonly Check[], style: Style, columns: number): string => {
  const indent = ' '.repeat(statusColumns + nameColumns)
  const lines = checks.flatMap(({ name, status, detail, remedy }) => {
    const [mark, meaning] = marks[status]
    const text = wrap(visibleLine(detail), columns, indent).slice(indent.length)
    return [
      `${style[meaning](padEnd(mark, statusColumns))}${padEnd(name, nameColumns)}${text}`,
      ...(remedy === null ? [] : [style.place(wrap(`To fix it: ${visibleLine(remedy)}`, columns, indent))]),
    ]
  })
  const count = checks.filter(({ status }) => status === 'missing').length
  const verdict =
    count === 0
      ? style.good('Countersign can run here.')
      : style.bad(`Countersign cannot run here yet: ${count} missing.`)
  return [...lines, '', verdict].join('\n')
}
