import { plural } from '../render/amounts.ts'

interface Named {
  readonly name: string
  readonly email: string
}

/** What of a statement a person is shown. */
export interface ShownStatement {
  readonly predicate: {
    readonly diff: { readonly id: string; readonly contentHash: string }
    readonly commit: { readonly author: Named; readonly committer: Named & { readonly at: string } }
    readonly evaluation: { readonly addedCapabilities: readonly string[]; readonly warnings: number }
    readonly committer: { readonly kind: string }
    readonly policy: {
      readonly rules: { readonly requiredApprovals: number }
      readonly met: {
        readonly guardedTests: readonly string[]
        readonly protectedPaths: readonly string[]
        readonly escalations: readonly { readonly name: string }[]
      }
    }
    readonly reviews: readonly {
      readonly reviewer: Named
      readonly verdict: string
      readonly at: string
      readonly carriedFrom: string | null
      readonly rule: string | null
    }[]
    readonly tests: {
      readonly status: string | null
      readonly runs: readonly { readonly driver: string; readonly results: readonly unknown[] }[]
    }
    readonly usage: {
      readonly calls: number
      readonly costUsd: number
      readonly unpricedCalls: number
      readonly byAgent: readonly { readonly model: string; readonly rehearsal: boolean }[]
    } | null
  }
}

const person = ({ name, email }: Named): string => `${name} <${email}>`

const testsLine = ({ status, runs }: ShownStatement['predicate']['tests']): string => {
  if (status === null) return 'tests      none were run'
  const results = runs.reduce((sum, run) => sum + run.results.length, 0)
  const drivers = [...new Set(runs.map(({ driver }) => (driver === 'none' ? 'no sandbox' : driver)))].join(', ')
  return `tests      ${status}, ${plural(results, 'result')} (${drivers})`
}

const modelsLine = (usage: ShownStatement['predicate']['usage']): string => {
  if (usage === null || usage.calls === 0) return 'models     none took part'
  const models = usage.byAgent.map(({ model, rehearsal }) => (rehearsal ? `${model} (rehearsal, no model)` : model))
  const unpriced = usage.unpricedCalls === 0 ? '' : `, ${usage.unpricedCalls} of them of unknown price`
  return `models     ${[...new Set(models)].join(', ')}: ${plural(usage.calls, 'call')}, $${usage.costUsd}${unpriced}`
}

type Review = ShownStatement['predicate']['reviews'][number]

const reviewLine = ({ reviewer, verdict, at, carriedFrom, rule }: Review): string =>
  rule === null
    ? `review     ${verdict} by ${person(reviewer)}, ${at}${carriedFrom === null ? '' : ', carried over'}`
    : `review     ${verdict} by the auto-approve rule "${rule}", and by no person, ${at}`

const policyLine = ({ rules, met }: ShownStatement['predicate']['policy']): string => {
  const demands = [
    ...met.escalations.map(({ name }) => `meets the escalation "${name}"`),
    ...(met.protectedPaths.length === 0 ? [] : [`changes protected paths (${met.protectedPaths.join(', ')})`]),
    ...(met.guardedTests.length === 0 ? [] : [`edits or deletes tests (${met.guardedTests.join(', ')})`]),
  ]
  return [`policy     ${plural(rules.requiredApprovals, 'approval')} required`, ...demands].join('; ')
}

/** What a commit rests on, in a few lines; they may hold anything. */
export const statementLines = ({ predicate }: ShownStatement): readonly string[] => {
  const { commit, committer, evaluation, reviews, policy } = predicate
  const added = evaluation.addedCapabilities
  return [
    `change     ${predicate.diff.id}, patch ${predicate.diff.contentHash}`,
    `author     ${person(commit.author)}`,
    `committer  ${person(commit.committer)}${committer.kind === 'HUMAN' ? '' : ' (no person)'}, ${commit.committer.at}`,
    policyLine(policy),
    ...reviews.map(reviewLine),
    `safety     ${added.length === 0 ? 'no new capability' : `adds ${added.join(', ')}`}, ${plural(evaluation.warnings, 'warning')}`,
    testsLine(predicate.tests),
    modelsLine(predicate.usage),
  ]
}
