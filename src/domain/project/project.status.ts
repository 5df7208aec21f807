import { createTransition } from '../shared/transition.ts'

export const projectStatuses = ['CREATING', 'READY', 'FAILED', 'ARCHIVED'] as const
export type ProjectStatus = (typeof projectStatuses)[number]

export const projectTransitions = {
  CREATING: ['READY', 'FAILED'],
  READY: ['ARCHIVED'],
  FAILED: ['ARCHIVED'],
  ARCHIVED: [],
} as const satisfies Record<ProjectStatus, readonly ProjectStatus[]>

export const toProjectStatus = createTransition<ProjectStatus>('project', projectTransitions)
