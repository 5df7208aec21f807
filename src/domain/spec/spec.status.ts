import { createTransition } from '../shared/transition.ts'

export const specStatuses = ['DRAFT', 'VALIDATED'] as const
export type SpecStatus = (typeof specStatuses)[number]

export const specTransitions = {
  DRAFT: ['VALIDATED'],
  VALIDATED: [],
} as const satisfies Record<SpecStatus, readonly SpecStatus[]>
export const toSpecStatus = createTransition<SpecStatus>('spec', specTransitions)

export const interviewStatuses = ['QUEUED', 'RUNNING', 'NEEDS_ANSWERS', 'ANSWERED', 'FAILED'] as const
export type InterviewStatus = (typeof interviewStatuses)[number]

export const interviewTransitions = {
  QUEUED: ['RUNNING', 'NEEDS_ANSWERS', 'FAILED'],
  RUNNING: ['NEEDS_ANSWERS', 'ANSWERED', 'FAILED'],
  NEEDS_ANSWERS: ['ANSWERED'],
  ANSWERED: [],
  FAILED: ['QUEUED'],
} as const satisfies Record<InterviewStatus, readonly InterviewStatus[]>
export const toInterviewStatus = createTransition<InterviewStatus>('interview', interviewTransitions)
