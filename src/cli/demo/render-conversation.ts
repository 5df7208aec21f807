import { formatCount, plural } from '../render/amounts.ts'
import { heading } from '../render/section.ts'
import type { Style } from '../render/style.ts'
import { visibleBlock, visibleLine } from '../render/visible-text.ts'
import { truncate, wrap } from '../render/width.ts'
import type { DemoEvent } from './demo-event.ts'
import type { Diff } from './operations.ts'
import { renderChange, renderTests, renderUsage } from './render-result.ts'
import { renderSafety } from './render-safety.ts'
import type { Session, SessionAgent } from './session-operations.ts'

type MessageEvent = Extract<DemoEvent, { type: 'message' }>

const speakers: Readonly<Record<string, string>> = { USER: 'You', CODER: 'Coder', EVALUATOR: 'Evaluator' }

/** What somebody said, with what the tools refused on the way. */
export const renderMessage = (message: MessageEvent, style: Style, columns: number): string => {
  const { role, iteration, text, failure, toolCalls } = message
  const speaker = speakers[role] ?? visibleLine(role)
  const refused = toolCalls.filter(({ isError }) => isError)
  return [
    `${style.strong(iteration === 0 ? speaker : `${speaker}, round ${formatCount(iteration)}`)}${
      toolCalls.length === 0 ? '' : style.faint(` (${plural(toolCalls.length, 'tool call')})`)
    }`,
    ...refused.map(({ name, result }) =>
      style.warn(
        truncate(`  ${visibleLine(name)} was refused: ${visibleLine(result.split('\n', 1)[0] ?? '')}`, columns),
      ),
    ),
    failure === null ? wrap(visibleBlock(text), columns, '  ') : style.bad(wrap(visibleBlock(text), columns, '  ')),
  ].join('\n')
}

const describe = ({ provider, model, rehearsal }: SessionAgent): string =>
  `${visibleLine(provider)} ${visibleLine(model)}${rehearsal ? ', rehearsal' : ''}`

/** Everything that a person reads before they countersign what came of a session. */
export const renderConversationResult = (session: Session, diff: Diff, style: Style, columns: number): string =>
  [
    heading('Who worked', style, columns),
    `  Coder: ${describe(session.coder)}`,
    `  Evaluator: ${describe(session.evaluator)}`,
    ...(diff.status === 'EVALUATOR_REJECTED'
      ? [style.bad('  The evaluator did not approve this change: its reasons are above.')]
      : []),
    renderUsage(session.usage, style, columns),
    renderChange(diff, style, columns),
    renderSafety(diff.safety, style, columns),
    renderTests(diff.latestTestRun, style, columns),
    heading('Commit message', style, columns),
    wrap(visibleBlock(diff.commitMessage), columns, '  '),
  ].join('\n')
