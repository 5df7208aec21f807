import { createTransition } from '../shared/transition.ts'

export const turnStatuses = ['WAITING', 'RUNNING', 'COMPLETED', 'FAILED', 'INTERRUPTED'] as const
export type TurnStatus = (typeof turnStatuses)[number]

export const turnTransitions = {
  // One that waits when a person interrupts is not begun.
  WAITING: ['RUNNING', 'INTERRUPTED'],
  RUNNING: ['COMPLETED', 'FAILED', 'INTERRUPTED'],
  COMPLETED: [],
  FAILED: [],
  INTERRUPTED: [],
} as const satisfies Record<TurnStatus, readonly TurnStatus[]>

export const toTurnStatus = createTransition<TurnStatus>('turn', turnTransitions)

/** The states of a turn that is still to be worked on: a session with one is busy. */
export const openTurnStatuses: readonly TurnStatus[] = ['WAITING', 'RUNNING']
