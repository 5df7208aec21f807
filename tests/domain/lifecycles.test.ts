import { describe, expect, it } from 'vitest'
import { pushStatuses, toPushStatus } from '../../src/domain/commit/push.status.ts'
import { diffStatuses, toDiffStatus } from '../../src/domain/diff/diff.status.ts'
import { InvalidTransitionError } from '../../src/domain/errors.ts'
import { projectStatuses, toProjectStatus } from '../../src/domain/project/project.status.ts'
import { isEnded, runStatuses, toRunStatus } from '../../src/domain/run/run.status.ts'
import { toTurnStatus, turnStatuses } from '../../src/domain/session/turn.status.ts'
import { interviewStatuses, specStatuses, toInterviewStatus, toSpecStatus } from '../../src/domain/spec/spec.status.ts'
import { stepStatuses, toStepStatus } from '../../src/domain/sprint/phase.status.ts'
import { sprintStatuses, toSprintStatus } from '../../src/domain/sprint/sprint.status.ts'
import { testRunStatuses, toTestRunStatus } from '../../src/domain/testing/test-run.status.ts'

interface Lifecycle {
  readonly noun: string
  readonly statuses: readonly string[]
  readonly move: (from: never, to: never, hint?: string) => string
  /** Written down apart from the code: every step there is, and no other. */
  readonly steps: readonly string[]
}

const lifecycles: readonly Lifecycle[] = [
  {
    noun: 'diff',
    statuses: diffStatuses,
    move: toDiffStatus,
    steps: [
      'PROPOSED > HUMAN_REVIEWING',
      'PROPOSED > APPROVED',
      'PROPOSED > HUMAN_REJECTED',
      'PROPOSED > SUPERSEDED',
      'EVALUATOR_APPROVED > HUMAN_REVIEWING',
      'EVALUATOR_APPROVED > APPROVED',
      'EVALUATOR_APPROVED > HUMAN_REJECTED',
      'EVALUATOR_APPROVED > SUPERSEDED',
      'EVALUATOR_REJECTED > HUMAN_REVIEWING',
      'EVALUATOR_REJECTED > SUPERSEDED',
      'HUMAN_REVIEWING > APPROVED',
      'HUMAN_REVIEWING > HUMAN_REJECTED',
      'HUMAN_REVIEWING > SUPERSEDED',
      'APPROVED > COMMITTING',
      'APPROVED > HUMAN_REVIEWING',
      'APPROVED > HUMAN_REJECTED',
      'APPROVED > SUPERSEDED',
      'COMMITTING > COMMITTED',
      'COMMITTING > APPROVED',
      'COMMITTING > HUMAN_REVIEWING',
    ],
  },
  {
    noun: 'project',
    statuses: projectStatuses,
    move: toProjectStatus,
    steps: ['CREATING > READY', 'CREATING > FAILED', 'READY > ARCHIVED', 'FAILED > ARCHIVED'],
  },
  {
    noun: 'push',
    statuses: pushStatuses,
    move: toPushStatus,
    steps: ['PENDING > PUSHED', 'PENDING > FAILED', 'FAILED > PENDING', 'FAILED > PUSHED'],
  },
  {
    noun: 'turn',
    statuses: turnStatuses,
    move: toTurnStatus,
    steps: [
      'WAITING > RUNNING',
      'WAITING > INTERRUPTED',
      'RUNNING > COMPLETED',
      'RUNNING > FAILED',
      'RUNNING > INTERRUPTED',
    ],
  },
  { noun: 'spec', statuses: specStatuses, move: toSpecStatus, steps: ['DRAFT > VALIDATED'] },
  {
    noun: 'interview',
    statuses: interviewStatuses,
    move: toInterviewStatus,
    steps: [
      'QUEUED > RUNNING',
      'QUEUED > NEEDS_ANSWERS',
      'QUEUED > FAILED',
      'RUNNING > NEEDS_ANSWERS',
      'RUNNING > ANSWERED',
      'RUNNING > FAILED',
      'NEEDS_ANSWERS > ANSWERED',
      'FAILED > QUEUED',
    ],
  },
  {
    noun: 'sprint',
    statuses: sprintStatuses,
    move: toSprintStatus,
    steps: [
      'PLANNED > ACTIVE',
      'PLANNED > CANCELED',
      'ACTIVE > AWAITING_PLAN_APPROVAL',
      'ACTIVE > COMPLETED',
      'ACTIVE > FAILED',
      'ACTIVE > CANCELED',
      'AWAITING_PLAN_APPROVAL > ACTIVE',
      'AWAITING_PLAN_APPROVAL > CANCELED',
      'AWAITING_PLAN_APPROVAL > FAILED',
      'COMPLETED > ACTIVE',
      'FAILED > ACTIVE',
      'CANCELED > ACTIVE',
    ],
  },
  {
    noun: 'phase',
    statuses: stepStatuses,
    move: toStepStatus,
    steps: [
      'PENDING > RUNNING',
      'PENDING > FAILED',
      'PENDING > CANCELED',
      'RUNNING > SUCCEEDED',
      'RUNNING > FAILED',
      'RUNNING > CANCELED',
      'FAILED > PENDING',
      'CANCELED > PENDING',
    ],
  },
  {
    noun: 'run',
    statuses: runStatuses,
    move: toRunStatus,
    steps: [
      'PENDING > RUNNING',
      'PENDING > FAILED',
      'PENDING > CANCELED',
      'RUNNING > COMPLETED',
      'RUNNING > FAILED',
      'RUNNING > CANCELED',
    ],
  },
  {
    noun: 'test run',
    statuses: testRunStatuses,
    move: toTestRunStatus,
    steps: [
      'QUEUED > RUNNING',
      'QUEUED > CANCELED',
      'QUEUED > ERRORED',
      'RUNNING > PASSED',
      'RUNNING > FAILED',
      'RUNNING > ERRORED',
      'RUNNING > CANCELED',
    ],
  },
]

describe.each(lifecycles)('a $noun', ({ noun, statuses, move, steps }) => {
  const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const))

  it.each(pairs.filter(([from, to]) => steps.includes(`${from} > ${to}`)))('that is %s becomes %s', (from, to) => {
    expect(move(from as never, to as never)).toBe(to)
  })

  it.each(pairs.filter(([from, to]) => !steps.includes(`${from} > ${to}`)))(
    'that is %s never becomes %s',
    (from, to) => {
      const refused = (() => {
        try {
          return move(from as never, to as never, 'Do this instead.')
        } catch (error) {
          return error
        }
      })()
      expect(refused).toBeInstanceOf(InvalidTransitionError)
      expect(refused).toMatchObject({ from, to, code: 'INVALID_TRANSITION' })
      expect((refused as Error).message).toBe(`The ${noun} is ${from} and cannot become ${to}. Do this instead.`)
    },
  )

  it('has no step to or from a status that there is not', () => {
    const named = new Set(steps.flatMap((step) => step.split(' > ')))
    expect([...named].filter((status) => !statuses.includes(status))).toEqual([])
    expect(new Set(steps).size).toBe(steps.length)
  })
})

it('a run has ended exactly when no step leads on', () => {
  expect(runStatuses.filter(isEnded)).toEqual(['COMPLETED', 'FAILED', 'CANCELED'])
})
