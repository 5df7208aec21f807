import { createTransition } from '../shared/transition.ts'

export const diffStatuses = [
  'PROPOSED',
  'EVALUATOR_REJECTED',
  'EVALUATOR_APPROVED',
  'HUMAN_REVIEWING',
  'APPROVED',
  'HUMAN_REJECTED',
  'COMMITTING',
  'COMMITTED',
  'SUPERSEDED',
] as const
export type DiffStatus = (typeof diffStatuses)[number]

export const diffTransitions = {
  PROPOSED: ['HUMAN_REVIEWING', 'APPROVED', 'HUMAN_REJECTED', 'SUPERSEDED'],
  EVALUATOR_APPROVED: ['HUMAN_REVIEWING', 'APPROVED', 'HUMAN_REJECTED', 'SUPERSEDED'],
  EVALUATOR_REJECTED: ['HUMAN_REVIEWING', 'SUPERSEDED'],
  HUMAN_REVIEWING: ['APPROVED', 'HUMAN_REJECTED', 'SUPERSEDED'],
  APPROVED: ['COMMITTING', 'HUMAN_REVIEWING', 'HUMAN_REJECTED', 'SUPERSEDED'],
  COMMITTING: ['COMMITTED', 'APPROVED', 'HUMAN_REVIEWING'],
  COMMITTED: [],
  HUMAN_REJECTED: [],
  SUPERSEDED: [],
} as const satisfies Record<DiffStatus, readonly DiffStatus[]>

export const toDiffStatus = createTransition<DiffStatus>('diff', diffTransitions)

/** The states in which a diff waits for a person. */
export const pendingDiffStatuses: readonly DiffStatus[] = [
  'PROPOSED',
  'EVALUATOR_APPROVED',
  'EVALUATOR_REJECTED',
  'HUMAN_REVIEWING',
  'APPROVED',
]

/** The states in which a person's verdict is taken, and a commit tried. */
export const reviewableStatuses: readonly DiffStatus[] = [
  'PROPOSED',
  'EVALUATOR_APPROVED',
  'HUMAN_REVIEWING',
  'APPROVED',
]
