import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { padEnd, wrap } from '../render/width.ts'
import type { Check } from './check.ts'
import type { ServerReport } from './server.ts'

const marks: Readonly<Record<Check['status'], readonly [mark: string, meaning: keyof Style]>> = {
  ok: ['ok', 'good'],
  limited: ['limited', 'warn'],
  missing: ['missing', 'bad'],
}

const statusColumns = 9
const nameColumns = 11

/** One check a line, and below it how to get what is not there. */
const renderChecks = (checks: readonly Check[], style: Style, columns: number): readonly string[] => {
  const indent = ' '.repeat(statusColumns + nameColumns)
  return checks.flatMap(({ name, status, detail, remedy }) => {
    const [mark, meaning] = marks[status]
    const text = wrap(visibleLine(detail), columns, indent).slice(indent.length)
    return [
      `${style[meaning](padEnd(mark, statusColumns))}${padEnd(visibleLine(name), nameColumns)}${text}`.trimEnd(),
      ...(remedy === null ? [] : [style.place(wrap(`To fix it: ${visibleLine(remedy)}`, columns, indent))]),
    ]
  })
}

const missingIn = (checks: readonly Check[]): number => checks.filter(({ status }) => status === 'missing').length

/** What was looked at. */
export interface Report {
  /** Null when only a server was asked for. */
  readonly machine: readonly Check[] | null
  /** Null when none runs here and none was named. */
  readonly server: ServerReport | null
}

const verdict = ({ machine, server }: Report, style: Style): readonly string[] => {
  const lines: string[] = []
  if (machine && !server) lines.push(style.faint('No server runs here: only this machine was looked at.'))
  if (machine) {
    const count = missingIn(machine)
    lines.push(
      count === 0
        ? style.good('Countersign can run here.')
        : style.bad(`Countersign cannot run here yet: ${count} missing.`),
    )
  }
  if (server) {
    const count = missingIn(server.checks)
    lines.push(
      count === 0
        ? style.good('The server does its work.')
        : style.bad(`The server does not do all its work: ${count} failed.`),
    )
  }
  return lines
}

/** For people: this machine, the running server, and what it comes to. */
export const renderReport = (report: Report, style: Style, columns: number): string => {
  const { machine, server } = report
  const parts: string[] = []
  if (machine) {
    const title = server ? [style.strong('This machine')] : []
    parts.push([...title, ...renderChecks(machine, style, columns)].join('\n'))
  }
  if (server) {
    const version = server.version === null ? '' : `, version ${visibleLine(server.version)}`
    const title = style.strong(`The server at ${visibleLine(server.url)}${version}`)
    parts.push([title, ...renderChecks(server.checks, style, columns)].join('\n'))
  }
  return [...parts, verdict(report, style).join('\n')].join('\n\n')
}
