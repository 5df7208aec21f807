import { formatCost, formatCount, formatDuration, plural } from '../render/amounts.ts'
import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { padEnd } from '../render/width.ts'
import { describeAgent, phaseName } from './event-line.ts'
import type { PhaseProgress, Progress, Speech, TestProgress, Worker } from './progress.ts'

const marks: Readonly<Record<string, readonly [mark: string, meaning: keyof Style]>> = {
  PENDING: ['○', 'faint'],
  RUNNING: ['●', 'place'],
  SUCCEEDED: ['✓', 'good'],
  FAILED: ['✗', 'bad'],
  CANCELED: ['-', 'warn'],
}

const nameColumns = 16
const agentColumns = 41

/** The live view: what runs now at length, what has ended in a line. */
export const renderProgress = (progress: Progress, elapsedMs: number, style: Style): readonly string[] => [
  '',
  ...(progress.phases.length === 0 ? interview(progress.interview, style) : []),
  ...progress.phases.flatMap((phase) => renderPhase(phase, style)),
  ...(progress.diffTests
    ? [`  ${style.place('●')} ${padEnd('Tests of diff', nameColumns)}${showTests(progress.diffTests, style)}`]
    : []),
  ...speech(progress.speech, style),
  style.faint(
    `  ${formatDuration(elapsedMs)} · ${plural(progress.calls, 'model call')}${progress.rehearsedCalls > 0 ? ` (${progress.rehearsedCalls} rehearsed)` : ''} · ` +
      `${formatCount(progress.inputTokens)} in, ${formatCount(progress.outputTokens)} out · ${showCost(progress)}`,
  ),
]

const showCost = ({ costUsd, unpricedCalls, calls }: Progress): string =>
  calls > 0 && unpricedCalls === calls
    ? 'price unknown'
    : `${formatCost(costUsd)}${unpricedCalls > 0 ? ' + unpriced' : ''}`

const interview = (status: string | null, style: Style): readonly string[] =>
  status === null ? [] : [`  ${style.place('●')} ${padEnd('Interview', nameColumns)}${visibleLine(status)}`]

const speechColumns = 60

/** The end of what is being written. */
const speech = (said: Speech | null, style: Style): readonly string[] =>
  said === null
    ? []
    : [
        `  ${style.place('●')} ${padEnd(`${visibleLine(said.agent)} ${said.iteration}`, nameColumns)}${visibleLine(said.text).slice(-speechColumns)}`,
      ]

const renderPhase = (phase: PhaseProgress, style: Style): readonly string[] => {
  const [mark, meaning] = marks[phase.status] ?? ['?', 'warn']
  const head = `  ${style[meaning](mark)} ${padEnd(phaseName(phase.kind, phase.attempt), nameColumns)}`
  if (phase.status !== 'RUNNING') return [head + outcome(phase)]
  const tests = phase.tests.map((run) => showTests(run, style)).join(' · ')
  return [head + tests, ...phase.workers.map((worker) => `      ${renderWorker(worker, style)}`)]
}

const outcome = (phase: PhaseProgress): string =>
  phase.summary === null ? '' : visibleLine(phase.summary.trim().split('\n', 1)[0] ?? '')

const renderWorker = ({ agent, toolCalls, errors, lastTool, tests }: Worker, style: Style): string =>
  [
    padEnd(describeAgent(agent), agentColumns),
    plural(toolCalls, 'call') + (errors > 0 ? style.warn(` (${errors} err)`) : ''),
    tests ? showTests(tests, style) : lastTool === null ? '' : visibleLine(lastTool),
  ].join('  ')

const showTests = ({ status, finished, total, passed }: TestProgress, style: Style): string => {
  if (status === 'PASSED') return style.good(`tests ${passed}/${total} passed`)
  if (status === 'QUEUED' || status === 'RUNNING') return `tests ${finished}/${total} done`
  return style.bad(`tests ${passed}/${total} passed`)
}
