import { createTransition } from '../shared/transition.ts'

export const sprintStatuses = [
  'PLANNED',
  'ACTIVE',
  'AWAITING_PLAN_APPROVAL',
  'COMPLETED',
  'FAILED',
  'CANCELED',
] as const
export type SprintStatus = (typeof sprintStatuses)[number]

export const sprintTransitions = {
  PLANNED: ['ACTIVE', 'CANCELED'],
  ACTIVE: ['AWAITING_PLAN_APPROVAL', 'COMPLETED', 'FAILED', 'CANCELED'],
  AWAITING_PLAN_APPROVAL: ['ACTIVE', 'CANCELED', 'FAILED'],
  // A person's REJECT of its diff starts the next iteration.
  COMPLETED: ['ACTIVE'],
  // A retry goes on from the last phase that succeeded.
  FAILED: ['ACTIVE'],
  CANCELED: ['ACTIVE'],
} as const satisfies Record<SprintStatus, readonly SprintStatus[]>

export const toSprintStatus = createTransition<SprintStatus>('sprint', sprintTransitions)
