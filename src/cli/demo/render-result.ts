import { formatCost, formatCount, formatDuration, plural } from '../render/amounts.ts'
import { renderDiff } from '../render/diff.ts'
import { heading } from '../render/section.ts'
import type { Style } from '../render/style.ts'
import { renderTable } from '../render/table.ts'
import { visibleBlock, visibleLine } from '../render/visible-text.ts'
import { truncate, wrap } from '../render/width.ts'
import { describeAgent, phaseName, showStatus } from './event-line.ts'
import type { Diff, Sprint } from './operations.ts'
import { renderDecision } from './render-interview.ts'
import { renderSafety } from './render-safety.ts'
import type { TestRun, Usage } from './shapes.ts'

const planLines = 14

/** The start of implementation_plan.md. */
export const renderPlan = (plan: string, style: Style, columns: number): string => {
  const lines = wrap(visibleBlock(plan.trim()), columns, '  ').split('\n')
  const left = lines.length - planLines
  return [
    heading('implementation_plan.md', style, columns),
    ...lines.slice(0, left > 0 ? planLines : lines.length),
    ...(left > 0 ? [style.faint(`  … ${plural(left, 'more line')}`)] : []),
  ].join('\n')
}

/** Each phase with its candidates and the decision between them. */
export const renderPhases = (sprint: Sprint, style: Style, columns: number): string =>
  [
    heading('How it came about', style, columns),
    ...sprint.phases.flatMap((phase) => [
      `${phaseName(phase.kind, phase.attempt)}: ${showStatus(phase.status, style)}`,
      ...(phase.runs.some((run) => run.decision) || phase.summary === null
        ? []
        : [style.faint(wrap(shorten(phase.summary), columns, '    '))]),
      ...phase.runs.flatMap((run) => [
        ...run.candidates
          .filter((candidate) => candidate.status !== 'CANCELED')
          .map((candidate) => truncate(`  ${describeAgent(candidate)}: ${showMetrics(candidate.metrics)}`, columns)),
        ...(run.decision ? [renderDecision(run.decision, style, columns)] : []),
      ]),
    ]),
  ].join('\n')

const summaryLines = 6

const shorten = (summary: string): string => {
  const lines = visibleBlock(summary.trim())
    .split('\n')
    .filter((line) => line.trim() !== '')
  return [...lines.slice(0, summaryLines), ...(lines.length > summaryLines ? ['…'] : [])].join('\n')
}

const showMetrics = (metrics: Sprint['phases'][number]['runs'][number]['candidates'][number]['metrics']): string => {
  const tests =
    metrics.testsPassed === null
      ? ''
      : `, tests ${metrics.testsPassed}/${metrics.testsPassed + (metrics.testsFailed ?? 0)} passed`
  return `${plural(metrics.turns, 'turn')}, ${plural(metrics.toolCalls, 'tool call')}, ${formatDuration(metrics.durationMs)}${tests}`
}

/** The change itself: its files, then its patch. */
export const renderChange = (diff: Diff, style: Style, columns: number): string =>
  [
    heading('The change', style, columns),
    renderTable(
      [
        { title: 'file', shrinks: true },
        { title: 'kind' },
        { title: '+', align: 'right' },
        { title: '-', align: 'right' },
        { title: '' },
      ],
      diff.files.map((file) => [
        visibleLine(file.previousPath === null ? file.path : `${file.previousPath} => ${file.path}`),
        visibleLine(file.kind).toLowerCase(),
        formatCount(file.additions),
        formatCount(file.deletions),
        [file.isTest ? 'test' : '', file.isBinary ? 'binary' : ''].filter(Boolean).join(', '),
      ]),
      columns,
      '  ',
    ),
    '',
    renderDiff(diff.content, style),
  ].join('\n')

export const renderTests = (run: TestRun | null, style: Style, columns: number): string => {
  if (run === null)
    return [heading('Tests', style, columns), style.warn('  The project has no quick tests: nothing was run.')].join(
      '\n',
    )
  const isolation =
    run.sandbox === 'none' ? style.bad('without isolation') : `in the ${visibleLine(run.sandbox)} sandbox`
  return [
    heading('Tests', style, columns),
    `  ${showStatus(run.status, style)}: ${run.passed} of ${run.total} passed, ${isolation}`,
    ...run.results.map(({ name, status, durationMs }) =>
      truncate(`    ${showStatus(status, style)} ${visibleLine(name)} (${formatDuration(durationMs)})`, columns),
    ),
  ].join('\n')
}

export const renderUsage = (usage: Usage, style: Style, columns: number): string =>
  [
    heading('Tokens and cost', style, columns),
    renderTable(
      [
        { title: 'agent' },
        { title: 'model', shrinks: true },
        { title: 'calls', align: 'right' },
        { title: 'in', align: 'right' },
        { title: 'out', align: 'right' },
        { title: 'cost', align: 'right' },
      ],
      [
        ...usage.byAgent.map((agent) => [
          visibleLine(agent.agent),
          `${visibleLine(agent.model)}${agent.rehearsal ? ' (rehearsal)' : ''}`,
          formatCount(agent.calls),
          formatCount(agent.inputTokens),
          formatCount(agent.outputTokens),
          formatCost(agent.costUsd),
        ]),
        [
          'all',
          '',
          formatCount(usage.calls),
          formatCount(usage.inputTokens),
          formatCount(usage.outputTokens),
          total(usage),
        ],
      ],
      columns,
      '  ',
    ),
    ...(usage.byAgent.some(({ rehearsal }) => rehearsal)
      ? [style.faint('  Calls marked (rehearsal) were played by the built-in stand-in and cost nothing.')]
      : []),
  ].join('\n')

const total = (usage: Usage): string =>
  usage.calls > 0 && usage.unpricedCalls === usage.calls
    ? 'price unknown'
    : `${formatCost(usage.costUsd)}${usage.unpricedCalls > 0 ? ` + ${plural(usage.unpricedCalls, 'unpriced call')}` : ''}`

/** Everything that a person reads before they countersign. */
export const renderResult = (sprint: Sprint, diff: Diff, style: Style, columns: number): string =>
  [
    ...(sprint.plan === null ? [] : [renderPlan(sprint.plan, style, columns)]),
    renderPhases(sprint, style, columns),
    renderUsage(sprint.project.usage, style, columns),
    renderChange(diff, style, columns),
    renderSafety(diff.safety, style, columns),
    renderTests(diff.latestTestRun, style, columns),
    heading('Commit message', style, columns),
    wrap(visibleBlock(diff.commitMessage), columns, '  '),
  ].join('\n')
