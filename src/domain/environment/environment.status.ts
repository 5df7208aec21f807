import { createTransition } from '../shared/transition.ts'
import type { StepStatus } from '../sprint/phase.status.ts'

/** CANCELED: another environment was set before it was built. What has ended is built again when it is needed again. */
export const environmentTransitions = {
  PENDING: ['RUNNING', 'FAILED', 'CANCELED'],
  RUNNING: ['SUCCEEDED', 'FAILED', 'CANCELED'],
  SUCCEEDED: ['PENDING'],
  FAILED: ['PENDING'],
  CANCELED: ['PENDING'],
} as const satisfies Record<StepStatus, readonly StepStatus[]>

export const toEnvironmentStatus = createTransition<StepStatus>('environment', environmentTransitions)
