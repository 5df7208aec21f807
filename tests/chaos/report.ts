import type { CallFigures, Check } from './checks.ts'
import type { Casualty, Hits } from './crew.ts'
import { quantile } from './recovery-times.ts'
import type { ChaosOptions } from './run-chaos.ts'

export interface PointFigures extends Hits {
  readonly name: string
  readonly passed: number
  /** Whether undisturbed work passes it too. */
  readonly isCalm: boolean
}

export interface ChaosReport {
  readonly options: ChaosOptions
  readonly checks: readonly Check[]
  readonly calls: CallFigures
  readonly units: number
  readonly disturbedMs: number
  readonly startTimes: readonly number[]
  readonly casualties: readonly Casualty[]
  readonly restarts: ReadonlyMap<string, number>
  readonly events: number
  readonly reconnections: number
  readonly recovery: { readonly held: readonly number[]; readonly taken: readonly number[] }
  readonly points: readonly PointFigures[]
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const times = (values: readonly number[]): string =>
  values.length === 0
    ? 'none'
    : `${values.length}; median ${seconds(quantile(values, 0.5))}, 95th percentile ${seconds(quantile(values, 0.95))}, longest ${seconds(quantile(values, 1))}`

const rowsOf = (report: ChaosReport): readonly (readonly [string, string])[] => {
  const { casualties, calls, points, options } = report
  const by = (action: Casualty['action']) => casualties.filter((casualty) => casualty.action === action)
  const kills = by('kill')
  const calm = points.filter(({ isCalm }) => isCalm)
  const fewest = Math.min(...calm.map(({ kill, beside }) => kill + beside))
  return [
    ['backend', options.backend],
    ['seed', String(options.seed)],
    ['lease', seconds(options.leaseMs)],
    ['units of work', String(report.units)],
    ['under faults for', seconds(report.disturbedMs)],
    ['processes started', times(report.startTimes)],
    ['killed at a point', String(kills.filter(({ point }) => point !== null).length)],
    ['killed at any moment', String(kills.filter(({ point }) => point === null).length)],
    ['paused past the lease', String(by('pause').length)],
    ['cut off from the stores', String(by('cut').length)],
    ...[...report.restarts].sort().map(([how, count]): [string, string] => [`restarts of ${how}`, String(count)]),
    ['points that undisturbed work passes', `${calm.length}, each broken off at by ${fewest} kills or more`],
    ['points that only disturbed work passes', String(points.length - calm.length)],
    ['calls of providers', `${calls.made} made, ${calls.recorded} recorded`],
    [
      'calls in flight at a fault',
      `${calls.lost} marked LOST, ${calls.lostByLiving} of them by a process that lived on; ${calls.madeAgain} made again`,
    ],
    ['events', `${report.events}, read over ${report.reconnections} reconnections`],
    ['held work taken up again after a kill', times(report.recovery.held)],
    ['work whose job was only just taken', times(report.recovery.taken)],
  ]
}

const maxFaultsShown = 10

/** The figures as a table in Markdown, then each check; with the points where they are asked for. */
export const renderReport = (report: ChaosReport, withPoints: boolean): string => {
  const points = [...report.points].sort((a, b) => Number(b.isCalm) - Number(a.isCalm) || a.name.localeCompare(b.name))
  return [
    '| figure | value |',
    '| --- | --- |',
    ...rowsOf(report).map(([name, value]) => `| ${name} | ${value} |`),
    '',
    ...(withPoints
      ? [
          '| point | passed | kills there | kills while a job stood there | pauses | cuts |',
          '| --- | ---: | ---: | ---: | ---: | ---: |',
          ...points.map(
            ({ name, passed, isCalm, kill, beside, pause, cut }) =>
              `| ${name}${isCalm ? '' : ' (under faults only)'} | ${passed} | ${kill} | ${beside} | ${pause} | ${cut} |`,
          ),
          '',
        ]
      : []),
    ...report.checks.flatMap(({ name, faults }) => [
      `${faults.length === 0 ? 'ok    ' : 'WRONG '} ${name}`,
      ...faults.slice(0, maxFaultsShown).map((fault) => `    ${fault}`),
      ...(faults.length > maxFaultsShown ? [`    and ${faults.length - maxFaultsShown} more`] : []),
    ]),
    '',
  ].join('\n')
}

/** The same for programs. */
export const reportJson = (report: ChaosReport): string => {
  const { say: _say, ...options } = report.options
  return JSON.stringify({
    ...report,
    options,
    restarts: Object.fromEntries(report.restarts),
    casualties: report.casualties.map(({ at, action, point, openCalls, openJobs }) => ({
      at,
      action,
      point,
      openCalls: openCalls.length,
      openJobs: openJobs.length,
    })),
  })
}
