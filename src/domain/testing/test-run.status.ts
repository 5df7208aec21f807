import { createTransition } from '../shared/transition.ts'

export const testRunStatuses = ['QUEUED', 'RUNNING', 'PASSED', 'FAILED', 'ERRORED', 'CANCELED'] as const
export type TestRunStatus = (typeof testRunStatuses)[number]

/** SKIPPED: not run because the run was canceled. ERRORED: the sandbox failed, not the test. */
export const testStatuses = ['PASSED', 'FAILED', 'TIMED_OUT', 'ERRORED', 'SKIPPED'] as const
export type TestStatus = (typeof testStatuses)[number]

export const testRunTransitions = {
  QUEUED: ['RUNNING', 'CANCELED', 'ERRORED'],
  RUNNING: ['PASSED', 'FAILED', 'ERRORED', 'CANCELED'],
  PASSED: [],
  FAILED: [],
  ERRORED: [],
  CANCELED: [],
} as const satisfies Record<TestRunStatus, readonly TestRunStatus[]>

export const toTestRunStatus = createTransition<TestRunStatus>('test run', testRunTransitions)
