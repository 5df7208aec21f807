import type { EnvironmentUse } from '../environment/use-environment.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { TestOutcome } from './run-test-case.ts'
import type { TestRunRow } from './test-run.entity.ts'

/** Raised when the same ending would be judged otherwise: verdicts by other rules are no evidence under these. */
const verdictRules = 2

/** Names everything that a test's result comes of: the content, the test, the environment, the limits and the sandbox. */
export const resultKey = (
  { limits, sandbox }: Pick<Services, 'limits' | 'sandbox'>,
  run: Pick<TestRunRow, 'tree' | 'baseTree' | 'basis'>,
  definitionHash: string,
  environment: EnvironmentUse,
): string => {
  // The test's own limit of time is part of its definition.
  const { wallMs: _, ...others } = limits
  const testsOf = run.basis === 'BASE' ? run.baseTree : run.tree
  return canonicalHash({
    tree: run.tree,
    testsOf,
    definitionHash,
    limits: others,
    driver: sandbox.driver,
    // Without one the key is that of the time before there were environments.
    environment: environment.hash ?? undefined,
    image: environment.image ?? sandbox.image,
    verdictRules,
  })
}

interface KnownResult {
  readonly outcome: TestOutcome
  /** The result of the run that found it out. */
  readonly cachedFromId: string
}

/**
 * The newest result that a test of the project had under this key. Only a verdict with an exit status is one: what ended
 * late, was killed, or met a fault of the sandbox may end otherwise the next time.
 */
export const findKnownResult = async (
  services: Services,
  projectId: string,
  contentKey: string,
): Promise<KnownResult | undefined> => {
  const known = await rows(services.em())
    .selectFrom('TestResult')
    .innerJoin('TestRun', 'TestRun.id', 'TestResult.testRunId')
    .select([
      'TestResult.id',
      'TestResult.status',
      'TestResult.exitCode',
      'TestResult.stdout',
      'TestResult.stderr',
      'TestResult.truncated',
      'TestResult.durationMs',
      'TestResult.error',
    ])
    .where('TestResult.contentKey', '=', contentKey)
    .where('TestRun.projectId', '=', projectId)
    .where('TestResult.status', 'in', ['PASSED', 'FAILED'])
    .where('TestResult.exitCode', 'is not', null)
    .where('TestResult.cachedFromId', 'is', null)
    .orderBy('TestRun.createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!known?.status) return undefined
  const { id, status, ...output } = known
  return { outcome: { status, ...output }, cachedFromId: id }
}
