import { createTransition } from '../shared/transition.ts'

export const runStatuses = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED'] as const
export type RunStatus = (typeof runStatuses)[number]

/** Runs and their candidates share one lifecycle. */
export const runTransitions = {
  PENDING: ['RUNNING', 'FAILED', 'CANCELED'],
  RUNNING: ['COMPLETED', 'FAILED', 'CANCELED'],
  COMPLETED: [],
  FAILED: [],
  CANCELED: [],
} as const satisfies Record<RunStatus, readonly RunStatus[]>

export const toRunStatus = createTransition<RunStatus>('run', runTransitions)
export const isEnded = (status: RunStatus): boolean => runTransitions[status].length === 0
