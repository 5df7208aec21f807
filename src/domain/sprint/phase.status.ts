import { createTransition } from '../shared/transition.ts'

export const phaseKinds = ['DISCOVERY', 'CODING', 'VERIFICATION'] as const
export type PhaseKind = (typeof phaseKinds)[number]

export const stepStatuses = ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'] as const
export type StepStatus = (typeof stepStatuses)[number]

export const stepTransitions = {
  PENDING: ['RUNNING', 'FAILED', 'CANCELED'],
  RUNNING: ['SUCCEEDED', 'FAILED', 'CANCELED'],
  SUCCEEDED: [],
  FAILED: ['PENDING'],
  CANCELED: [],
} as const satisfies Record<StepStatus, readonly StepStatus[]>

export const toStepStatus = createTransition<StepStatus>('phase', stepTransitions)
