/** What a diff's risk is added up from, in points. Data; docs/SAFETY.md says the same to people. */

import type { Capability } from '../ports/code-analyzer.ts'
import type { TestRunStatus } from '../testing/test-run.status.ts'

/** What the first one weighs, what each further one, and what all of them weigh at the most. */
export interface Weight {
  readonly first: number
  readonly more: number
  readonly most: number
}

/** What it is to gain a capability, in points. */
export const capabilityWeights: Readonly<Record<Capability, Weight>> = {
  EVAL_EXEC: { first: 30, more: 3, most: 45 },
  PICKLE: { first: 30, more: 3, most: 45 },
  SUBPROCESS: { first: 25, more: 3, most: 40 },
  IMPORT_DYNAMIC: { first: 20, more: 3, most: 35 },
  SOCKET: { first: 20, more: 3, most: 35 },
  NETWORK_REQUEST: { first: 20, more: 3, most: 35 },
  FILESYSTEM_WRITE: { first: 12, more: 2, most: 20 },
  FILESYSTEM_READ: { first: 5, more: 1, most: 10 },
}

/** The kinds of finding, told apart by what a reader has to do about them. */
export const findingWeights = {
  'does not parse': { first: 40, more: 5, most: 60 },
  'may read as something else than it is': { first: 40, more: 10, most: 60 },
  'looks like a credential': { first: 30, more: 10, most: 50 },
  'runs by itself': { first: 25, more: 5, most: 40 },
  'could not be analysed': { first: 12, more: 3, most: 30 },
  'decides about builds, tests or reviews': { first: 12, more: 3, most: 30 },
  'is worth a look': { first: 10, more: 2, most: 30 },
} as const satisfies Readonly<Record<string, Weight>>
export type FindingKind = keyof typeof findingWeights

/** Which kind a finding is, by its code; one that is not here is worth a look. */
export const findingKinds: Readonly<Record<string, FindingKind>> = {
  SYNTAX: 'does not parse',
  BARE_CARRIAGE_RETURN: 'may read as something else than it is',
  BIDIRECTIONAL_CONTROL: 'may read as something else than it is',
  CONTROL_CHARACTER: 'may read as something else than it is',
  HIDDEN_NAME: 'may read as something else than it is',
  INVISIBLE_CHARACTER: 'may read as something else than it is',
  LOOK_ALIKE_IDENTIFIER: 'may read as something else than it is',
  NFKC_IDENTIFIER: 'may read as something else than it is',
  NON_UTF8_CODING: 'may read as something else than it is',
  CREDENTIAL: 'looks like a credential',
  LIFECYCLE_SCRIPT: 'runs by itself',
  ANALYSIS_FAILED: 'could not be analysed',
  INVALID_UTF8: 'could not be analysed',
  NOT_ANALYSED: 'could not be analysed',
  PARTLY_ANALYSED: 'could not be analysed',
  TOO_LARGE: 'could not be analysed',
  DECIDES_BUILD_OR_TESTS: 'decides about builds, tests or reviews',
}

/** Everything else that is counted. */
export const ruleWeights = {
  blocked: { first: 30, more: 10, most: 60 },
  protected: { first: 30, more: 5, most: 60 },
  escalation: { first: 20, more: 10, most: 60 },
  testDeleted: { first: 25, more: 5, most: 50 },
  testEdited: { first: 15, more: 3, most: 40 },
  binary: { first: 8, more: 2, most: 20 },
} as const satisfies Readonly<Record<string, Weight>>

/** A point for so many changed lines, up to so many points. */
export const sizeWeight = { linesPerPoint: 20, most: 30 }

/** Tests that did not pass say more than tests that nobody ran. */
export const testStateWeights: Readonly<Record<TestRunStatus | 'NONE', number>> = {
  PASSED: 0,
  QUEUED: 5,
  RUNNING: 5,
  CANCELED: 10,
  NONE: 10,
  ERRORED: 25,
  FAILED: 30,
}
