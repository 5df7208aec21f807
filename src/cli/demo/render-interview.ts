import { heading } from '../render/section.ts'
import type { Style } from '../render/style.ts'
import { visibleBlock, visibleLine } from '../render/visible-text.ts'
import { wrap } from '../render/width.ts'
import type { Answer } from './demo-event.ts'
import { describeAgent, showStatus } from './event-line.ts'
import type { Interview } from './operations.ts'
import type { Decision } from './shapes.ts'

/** The interview: who proposed questions, what was asked, and why these. */
export const renderInterview = (interview: Interview, style: Style, columns: number): string =>
  [
    heading('Interview', style, columns),
    ...interview.candidates.map(
      (candidate) => `  ${describeAgent(candidate)} proposed questions: ${showStatus(candidate.status, style)}`,
    ),
    ...interview.errors.map((error) =>
      style.warn(
        wrap(`${error.provider} ${visibleLine(error.modelName)} did not: ${visibleLine(error.message)}`, columns, '  '),
      ),
    ),
    ...(interview.decision ? [renderDecision(interview.decision, style, columns)] : []),
    ...interview.questions.flatMap(({ question, rationale }, index) => [
      '',
      `  ${index + 1}. ${wrap(visibleLine(question), columns, '     ').trimStart()}`,
      style.faint(wrap(`Why: ${visibleLine(rationale)}`, columns, '     ')),
    ]),
  ].join('\n')

export const renderAnswers = (answers: readonly Answer[], style: Style, columns: number): string =>
  [
    '',
    style.faint("  Answered with the sample's own answers:"),
    ...answers.map(
      ({ key, answer }) => `  - ${wrap(`${visibleLine(key)}: ${visibleLine(answer)}`, columns, '    ').trimStart()}`,
    ),
    '',
  ].join('\n')

const methods: Readonly<Record<string, string>> = {
  ONLY_CANDIDATE: 'the only candidate',
  EVIDENCE: 'by evidence',
  JUDGE: 'by the judge',
  FALLBACK: 'by the order of evidence, since the judge failed',
  PERSON: 'by a person',
}

/** Which candidate was chosen, how and why. */
export const renderDecision = (decision: Decision, style: Style, columns: number): string =>
  [
    `  ${style.strong(`${visibleLine(decision.selected.label)} selected`)} ${methods[decision.method] ?? visibleLine(decision.method)}` +
      `${decision.merged ? ', with questions of the other' : ''}`,
    style.faint(wrap(visibleBlock(decision.rationale), columns, '    ')),
    ...decision.scores.map(({ candidate, score, reason }) =>
      style.faint(wrap(`${visibleLine(candidate.label)} ${score.toFixed(2)}: ${visibleLine(reason)}`, columns, '    ')),
    ),
  ].join('\n')
