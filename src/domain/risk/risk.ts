import type { Capability } from '../ports/code-analyzer.ts'
import type { TestRunStatus } from '../testing/test-run.status.ts'
import type { RiskFacts } from './risk-facts.ts'
import {
  capabilityWeights,
  type FindingKind,
  findingKinds,
  findingWeights,
  ruleWeights,
  sizeWeight,
  testStateWeights,
  type Weight,
} from './risk-weights.ts'

/** How closely a person should look: nothing at 0, and the more the higher. */
export interface Risk {
  readonly score: number
  /** In words, each with its place, the heaviest first; empty at 0. */
  readonly reasons: readonly string[]
}

const testWords: Readonly<Record<TestRunStatus | 'NONE', string>> = {
  PASSED: '',
  QUEUED: 'its tests have not ended yet',
  RUNNING: 'its tests have not ended yet',
  CANCELED: 'its tests were canceled',
  NONE: 'no test was run on it',
  ERRORED: 'its tests could not be run to their end',
  FAILED: 'its tests fail',
}

/** What the project's policy says of a diff. */
export interface PolicyFacts {
  readonly blocked: readonly Capability[]
  /** Of the touched paths. */
  readonly protectedPaths: readonly string[]
  /** The names of the rules that it meets. */
  readonly escalations: readonly string[]
}

interface Reason {
  readonly points: number
  readonly words: string
}

const pointsOf = ({ first, more, most }: Weight, count: number): number =>
  count === 0 ? 0 : Math.min(most, first + more * (count - 1))

const andMore = (count: number, noun: string): string =>
  count < 2 ? '' : `, and ${count - 1} more ${noun}${count === 2 ? '' : 's'}`

const placed = (path: string | null, line: number | null): string =>
  path === null ? 'the change' : line === null ? path : `${path}:${line}`

/** One reason for all items of a kind, which names the first; none without items. */
const reasonFor = <Item>(
  items: readonly Item[],
  weight: Weight,
  words: (first: Item) => string,
  noun: string,
  count = items.length,
): readonly Reason[] =>
  items
    .slice(0, 1)
    .map((first) => ({ points: pointsOf(weight, count), words: `${words(first)}${andMore(count, noun)}` }))

const total = (items: readonly { readonly count: number }[]): number => items.reduce((sum, { count }) => sum + count, 0)

const capabilityReasons = (uses: RiskFacts['uses']): readonly Reason[] =>
  [...Map.groupBy(uses, ({ capability }) => capability)].flatMap(([capability, places]) =>
    reasonFor(
      places,
      capabilityWeights[capability],
      ({ path, line, symbol }) => `adds ${capability}: ${symbol} at ${placed(path, line)}`,
      'use',
      total(places),
    ),
  )

const findingReasons = (findings: RiskFacts['findings']): readonly Reason[] =>
  [...Map.groupBy(findings, ({ code }): FindingKind => findingKinds[code] ?? 'is worth a look')].flatMap(
    ([kind, places]) =>
      reasonFor(
        places,
        findingWeights[kind],
        ({ path, line, code }) => `${placed(path, line)} ${kind} (${code})`,
        'finding',
        total(places),
      ),
  )

const sizeReasons = ({ changedLines, changedFiles }: RiskFacts): readonly Reason[] => {
  const points = Math.min(sizeWeight.most, Math.floor(changedLines / sizeWeight.linesPerPoint))
  const files = `${changedFiles} file${changedFiles === 1 ? '' : 's'}`
  return points === 0 ? [] : [{ points, words: `${changedLines} lines change in ${files}` }]
}

/**
 * How closely a person should look at a diff. Pure: a sum of the weights above over what follows from its content, what
 * the policy says of it and where its tests stand (null: none was run).
 */
export const assessRisk = (facts: RiskFacts, policy: PolicyFacts, tests: TestRunStatus | null): Risk => {
  const state = tests ?? 'NONE'
  const reasons = [
    ...capabilityReasons(facts.uses),
    ...findingReasons(facts.findings),
    ...reasonFor(policy.blocked, ruleWeights.blocked, (name) => `the policy blocks ${name}`, 'capability'),
    ...reasonFor(policy.protectedPaths, ruleWeights.protected, (path) => `changes the protected path ${path}`, 'path'),
    ...reasonFor(policy.escalations, ruleWeights.escalation, (name) => `meets the escalation "${name}"`, 'escalation'),
    ...reasonFor(
      facts.tests.filter(({ deleted }) => deleted),
      ruleWeights.testDeleted,
      ({ path }) => `deletes the test ${path}`,
      'test',
    ),
    ...reasonFor(
      facts.tests.filter(({ deleted }) => !deleted),
      ruleWeights.testEdited,
      ({ path }) => `edits the test ${path}, or what decides how tests run`,
      'file',
    ),
    ...reasonFor(facts.binaries, ruleWeights.binary, (path) => `${path} cannot be read as text`, 'file'),
    ...sizeReasons(facts),
    { points: testStateWeights[state], words: testWords[state] },
  ]
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points)
  return {
    score: reasons.reduce((sum, { points }) => sum + points, 0),
    reasons: reasons.map(({ words }) => words),
  }
}
