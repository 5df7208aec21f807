import { formatCost, formatCount } from '../render/amounts.ts'
import type { Style } from '../render/style.ts'
import { visibleLine } from '../render/visible-text.ts'
import { padEnd, wrap } from '../render/width.ts'
import type { DemoEvent } from './demo-event.ts'
import type { Agent } from './shapes.ts'

/** Who worked, with what; the rehearsal is never shown as a model. */
export const describeAgent = ({ label, provider, modelName, rehearsal }: Agent): string =>
  `${visibleLine(label)} (${provider} ${visibleLine(modelName)}${rehearsal ? ', rehearsal' : ''})`

/** The same without the model, where there is little room. */
export const describeBriefly = ({
  label,
  provider,
  rehearsal,
}: Pick<Agent, 'label' | 'provider' | 'rehearsal'>): string =>
  `${visibleLine(label)} (${provider}${rehearsal ? ', rehearsal' : ''})`

const phaseNames: Readonly<Record<string, string>> = {
  DISCOVERY: 'Discovery',
  CODING: 'Coding',
  VERIFICATION: 'Verification',
}
export const phaseName = (kind: string, attempt: number): string =>
  `${phaseNames[kind] ?? visibleLine(kind)} ${attempt}`

const statusWords: Readonly<Record<string, keyof Style>> = {
  SUCCEEDED: 'good',
  COMPLETED: 'good',
  PASSED: 'good',
  COMMITTED: 'good',
  APPROVED: 'good',
  FAILED: 'bad',
  ERRORED: 'bad',
  TIMED_OUT: 'bad',
  CANCELED: 'warn',
}
export const showStatus = (status: string, style: Style): string => {
  const word = visibleLine(status)
  const meaning = statusWords[word]
  return meaning ? style[meaning](word) : word
}

/** The first line of a text that may be long. */
const firstLine = (text: string | null): string =>
  text === null ? '' : visibleLine(text.trim().split('\n', 1)[0] ?? '')

const isOver = (status: string): boolean => !['QUEUED', 'PENDING', 'RUNNING'].includes(status)

const describe = (event: DemoEvent, style: Style): readonly [subject: string, text: string] | null => {
  switch (event.type) {
    case 'project':
      return ['project', `${visibleLine(event.name)}: ${showStatus(event.status, style)}`]
    case 'interview':
      return ['interview', showStatus(event.status, style)]
    case 'sprint':
      return ['sprint', `${showStatus(event.status, style)} ${firstLine(event.failure)}`]
    case 'phase':
      if (event.status === 'PENDING') return null
      return [
        'phase',
        `${phaseName(event.kind, event.attempt)}: ${showStatus(event.status, style)} ${isOver(event.status) ? firstLine(event.summary) : ''}`,
      ]
    case 'checkpoint':
      return ['checkpoint', `${event.sequence} ${visibleLine(event.label)}`]
    case 'tool':
      return [
        'tool',
        `${event.agent ? `${describeBriefly(event.agent)}: ` : ''}${visibleLine(event.tool)}${event.isError ? style.bad(' (error)') : ''}`,
      ]
    case 'tokens':
      return [
        'tokens',
        `${visibleLine(event.agent)} ${visibleLine(event.model)}${event.rehearsal ? ' (rehearsal)' : ''}: ` +
          `${formatCount(event.inputTokens)} in, ${formatCount(event.outputTokens)} out, ${formatCost(event.costUsd)}`,
      ]
    case 'tests':
      if (event.status === 'QUEUED' || (event.status === 'RUNNING' && event.finished === event.total)) return null
      return ['tests', `${testSubject(event)}: ${showStatus(event.status, style)} ${testCount(event)}`]
    case 'diff':
      return ['diff', showStatus(event.status, style)]
    case 'session':
      return ['session', event.busy ? 'at work' : 'idle']
    case 'reconnecting':
      return ['connection', `${visibleLine(event.reason)} Connecting again.`]
    case 'countersigned':
      return [
        'review',
        event.by === '--yes' ? 'countersigned, as --yes says, without asking' : style.good('countersigned'),
      ]
    // Shown at length.
    case 'server':
    case 'questions':
    case 'answers':
    case 'message':
    case 'text':
    case 'result':
    case 'session-result':
    case 'approval-required':
    case 'log':
    case 'committed':
      return null
  }
}

type TestsEvent = Extract<DemoEvent, { type: 'tests' }>

const testSubject = ({ candidate, diffId, sessionId }: TestsEvent): string => {
  if (candidate) return `candidate ${describeBriefly(candidate)}`
  if (diffId !== null) return 'the diff'
  return sessionId === null ? 'verification' : 'the submitted change'
}

const testCount = ({ status, finished, passed, total }: TestsEvent): string =>
  isOver(status) ? `${passed} of ${total} passed` : `${finished} of ${total} done`

const subjectColumns = 12

/** An event as it happens, in a line or, where it has more to say, a few; null for one that is shown at length. */
export const renderEventLine = (event: DemoEvent, style: Style, columns: number): string | null => {
  const described = describe(event, style)
  if (described === null) return null
  const [subject, text] = described
  const indent = ' '.repeat(subjectColumns)
  return style.faint(padEnd(subject, subjectColumns)) + wrap(text.trimEnd(), columns, indent).slice(subjectColumns)
}
