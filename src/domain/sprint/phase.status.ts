import { createTransition } from '../shared/transition.ts'

export const phaseKinds = ['DISCOVERY', 'CODING', 'VERIFICATION'] as const
export type PhaseKind = (typeof phaseKinds)[number]

export const stepStatuses = ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'] as const
export type StepStatus = (typeof stepStatuses)[number]

export const stepTransitions = {
  PENDING: ['RUNNING', 'FAILED', 'CANCELED'],
  RUNNING: ['SUCCEEDED', 'FAILED', 'CANCELED'],
  SUCCEEDED: [],
  // The sprint is tried again.
  FAILED: ['PENDING'],
  CANCELED: ['PENDING'],
} as const satisfies Record<StepStatus, readonly StepStatus[]>

export const toStepStatus = createTransition<StepStatus>('phase', stepTransitions)

/** Whether nobody works on a step in this state. */
export const isStepEnded = (status: StepStatus): boolean => status !== 'PENDING' && status !== 'RUNNING'
