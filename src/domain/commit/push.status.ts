import { createTransition } from '../shared/transition.ts'

export const pushStatuses = ['PENDING', 'PUSHED', 'FAILED'] as const
export type PushStatus = (typeof pushStatuses)[number]

export const pushTransitions = {
  PENDING: ['PUSHED', 'FAILED'],
  // A later commit's push brings it along, or a person asks again.
  FAILED: ['PENDING', 'PUSHED'],
  PUSHED: [],
} as const satisfies Record<PushStatus, readonly PushStatus[]>

export const toPushStatus = createTransition<PushStatus>('push', pushTransitions)
