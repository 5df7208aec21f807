import type { Output } from '../output.ts'
import { plural } from '../render/amounts.ts'
import { visibleBlock, visibleLine } from '../render/visible-text.ts'
import { truncate, wrap } from '../render/width.ts'
import type { DemoEvent } from './demo-event.ts'
import { phaseName, renderEventLine } from './event-line.ts'
import { advance, noProgress, type Progress } from './progress.ts'
import { renderHowToApprove } from './render-approval.ts'
import { renderConversationResult, renderMessage } from './render-conversation.ts'
import { renderAnswers, renderInterview } from './render-interview.ts'
import { renderProgress } from './render-progress.ts'
import { renderResult } from './render-result.ts'

/** Shows the demo's events in the output's mode. */
export interface Presenter {
  show(event: DemoEvent): void
  /** Takes the live view away; what was printed stays. */
  pause(): void
  close(): void
}

const redrawMs = 120

export const createPresenter = (output: Output): Presenter => {
  const startedAt = performance.now()
  let progress: Progress = noProgress
  let timer: NodeJS.Timeout | undefined

  const draw = () => output.live(renderProgress(progress, performance.now() - startedAt, output.style))
  const pause = () => {
    clearInterval(timer)
    timer = undefined
    output.live([])
  }
  // Redrawn on a timer, not per event: a burst of events costs one redraw.
  const resume = () => {
    if (output.mode !== 'terminal' || output.quiet || timer !== undefined) return
    timer = setInterval(draw, redrawMs)
    timer.unref()
  }

  return {
    show(event) {
      output.json(event)
      if (output.mode === 'json') return
      progress = advance(progress, event)
      if (isEnd(event)) pause()
      const text = output.quiet && !isNeeded(event, output.canAsk) ? null : renderAtLength(event, output)
      if (text !== null) output.print(text)
      else if (!output.quiet && output.mode === 'plain') {
        const line = renderEventLine(event, output.style, output.columns)
        if (line !== null) output.print(line)
      } else if (!output.quiet) {
        const line = renderMilestone(event, output)
        if (line !== null) output.print(line)
        if (startsWork(event)) resume()
      }
    },
    pause,
    close: pause,
  }
}

const isEnd = ({ type }: DemoEvent): boolean =>
  type === 'result' || type === 'session-result' || type === 'approval-required' || type === 'committed'
const startsWork = ({ type }: DemoEvent): boolean => ['interview', 'sprint', 'phase', 'session'].includes(type)
/** Shown although the output is quiet: what is to be approved, and what came of it. */
const isNeeded = ({ type }: DemoEvent, canAsk: boolean): boolean =>
  type === 'approval-required' || type === 'log' || ((type === 'result' || type === 'session-result') && canAsk)

const headLines = 6
const tailLines = 6

/** What stays on the terminal above the live view. */
const renderMilestone = (event: DemoEvent, { style, columns }: Output): string | null => {
  if (event.type === 'reconnecting' || event.type === 'project' || event.type === 'countersigned') {
    return renderEventLine(event, style, columns)
  }
  if (event.type !== 'phase' || event.status !== 'FAILED') return null
  return failedPhase(event, style, columns)
}

type PhaseEvent = Extract<DemoEvent, { type: 'phase' }>

/** Why a phase failed; for Verification, this is what the next attempt is told. */
const failedPhase = ({ kind, attempt, summary }: PhaseEvent, style: Output['style'], columns: number): string => {
  const lines = visibleBlock(summary ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  // Test runners say what went wrong at the end.
  const left = lines.length - headLines - tailLines
  const excerpt =
    left > 1 ? [...lines.slice(0, headLines), `… ${plural(left, 'line')} …`, ...lines.slice(-tailLines)] : lines
  return [
    style.bad(`${phaseName(kind, attempt)} failed.${kind === 'VERIFICATION' ? ' The next attempt is told this:' : ''}`),
    ...excerpt.map((line) => style.faint(truncate(`  ${line}`, columns))),
  ].join('\n')
}

const renderAtLength = (event: DemoEvent, { style, columns, mode, quiet }: Output): string | null => {
  switch (event.type) {
    case 'server':
      return [
        `${style.strong('Countersign demo')} on ${event.url}/graphql` +
          (event.rehearsal.length > 0 ? style.warn(` (rehearsal of ${event.rehearsal.join(' and ')})`) : ''),
        ...event.notices.map((notice) => style.faint(wrap(visibleLine(notice), columns))),
      ].join('\n')
    case 'questions':
      return renderInterview(event.interview, style, columns)
    case 'answers':
      return renderAnswers(event.answers, style, columns)
    case 'phase':
      return mode === 'plain' && event.kind === 'VERIFICATION' && event.status === 'FAILED'
        ? `${renderEventLine(event, style, columns)}\n${failedPhase(event, style, columns)}`
        : null
    case 'result':
      return renderResult(event.sprint, event.diff, style, columns)
    case 'message':
      return renderMessage(event, style, columns)
    case 'session-result':
      return renderConversationResult(event.session, event.diff, style, columns)
    case 'approval-required':
      return renderHowToApprove(event, style, columns)
    case 'log':
      return `${quiet ? '' : '\n'}${visibleBlock(event.text)}`
    case 'committed':
      return style.good(`Committed ${event.oid}.`)
    default:
      return null
  }
}
