import pLimit from 'p-limit'
import { advanceRunJob } from '../../jobs/advance-run.ts'
import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import { runSessionTurnJob } from '../../jobs/run-session-turn.ts'
import { carryApprovals } from '../approval/carry-approvals.ts'
import { refreshApproval } from '../approval/refresh-approval.ts'
import { committedTree } from '../environment/committed-tree.ts'
import { type EnvironmentUse, useEnvironment } from '../environment/use-environment.ts'
import type { EventSubject } from '../event/event.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { SandboxDriver, WorkspaceChange } from '../ports/sandbox.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { baseTestFiles } from './base-test-files.ts'
import { findKnownResult, resultKey } from './known-results.ts'
import { erroredOutcome, runTestCase, type TestOutcome } from './run-test-case.ts'
import type { TestDefinitionRow } from './test-definition.entity.ts'
import { TestResult, type TestResultRow, TestRun, type TestRunRow } from './test-run.entity.ts'
import { type TestRunStatus, toTestRunStatus } from './test-run.status.ts'
import { testRunSubject } from './test-run-subject.ts'
import { withModels } from './with-models.ts'

/** Lets a bounded number of pieces of work run at once. */
export type Slots = <Result>(work: () => Promise<Result>) => Promise<Result>

interface Belonging {
  readonly subject: EventSubject
  /** Of a sprint that waits for it. */
  readonly sprintId: string | null
  /** A run outside a sprint that waits for it. */
  readonly runId: string | null
}

const belongingOf = async (services: Services, run: TestRunRow): Promise<Belonging> => {
  const subject = await testRunSubject(services.em(), run)
  const candidate =
    run.candidateId && !run.phaseId
      ? await rows(services.em())
          .selectFrom('Candidate')
          .select('runId')
          .where('id', '=', run.candidateId)
          .executeTakeFirst()
      : undefined
  const sprintId = run.phaseId === null ? null : (subject.sprintId ?? null)
  return { subject, sprintId, runId: candidate?.runId ?? null }
}

const start = (lease: HeldLease, run: TestRunRow, subject: EventSubject, driver: SandboxDriver) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(TestRun, { id: run.id })
    // The process that runs the tests need not be the one that asked; what once ran without isolation stays so named.
    if (row.status === 'QUEUED' || driver === 'none') row.sandbox = driver
    if (row.status !== 'QUEUED') return
    row.status = toTestRunStatus(row.status, 'RUNNING')
    row.startedAt = tx.now
    tx.emit(subject, { type: 'TestRunChanged', testRunId: run.id, status: 'RUNNING', finished: 0, total: row.total })
  })

interface Ended {
  readonly outcome: TestOutcome
  /** Null for a test that there was nothing to run on. */
  readonly contentKey: string | null
  readonly cachedFromId: string | null
}

const storeResult = (
  lease: HeldLease,
  run: TestRunRow,
  result: TestResultRow,
  { outcome, ...origin }: Ended,
  subject: EventSubject,
) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(TestResult, { id: result.id })
    const runRow = await tx.em.findOneOrFail(TestRun, { id: run.id })
    Object.assign(row, outcome, origin)
    if (outcome.status === 'PASSED') runRow.passed += 1
    else runRow.failed += 1
    tx.emit(subject, {
      type: 'TestRunChanged',
      testRunId: run.id,
      status: runRow.status,
      finished: runRow.passed + runRow.failed,
      total: runRow.total,
    })
  })

const verdict = (statuses: readonly (string | null)[]): TestRunStatus => {
  if (statuses.some((status) => status === 'ERRORED')) return 'ERRORED'
  return statuses.every((status) => status === 'PASSED') ? 'PASSED' : 'FAILED'
}

const finish = (lease: HeldLease, run: TestRunRow, belonging: Belonging) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(TestRun, { id: run.id })
    const results = await tx.em.find(TestResult, { testRunId: run.id })
    row.status = toTestRunStatus(row.status, verdict(results.map((result) => result.status ?? null)))
    row.cached = results.every(({ cachedFromId }) => cachedFromId != null)
    row.finishedAt = tx.now
    tx.emit(belonging.subject, {
      type: 'TestRunChanged',
      testRunId: run.id,
      status: row.status,
      finished: row.total,
      total: row.total,
    })
    if (belonging.sprintId) tx.enqueue(advanceSprintJob, { sprintId: belonging.sprintId })
    if (run.sessionId) tx.enqueue(runSessionTurnJob, { sessionId: run.sessionId })
    if (belonging.runId) tx.enqueue(advanceRunJob, { runId: belonging.runId })
    if (run.diffId) {
      await tx.em.flush()
      await carryApprovals(tx, run.diffId)
      await refreshApproval(tx, run.diffId)
    }
  })

const definitionsOf = async (
  services: Services,
  results: readonly TestResultRow[],
): Promise<ReadonlyMap<string, TestDefinitionRow>> => {
  const hashes = results.map(({ definitionHash }) => definitionHash)
  const found = await rows(services.em()).selectFrom('TestDefinition').selectAll().where('hash', 'in', hashes).execute()
  return new Map(found.map((definition) => [definition.hash, definition]))
}

/**
 * What comes of one test: known from an earlier run of the same, or found out now. What a model answers does not follow
 * from the content, so a test that may ask one is run each time.
 */
const endOf = async (
  services: Services,
  lease: HeldLease,
  run: TestRunRow,
  result: TestResultRow,
  test: TestDefinitionRow & { readonly overlay: readonly WorkspaceChange[]; readonly environment: EnvironmentUse },
): Promise<Ended> => {
  const contentKey = resultKey(services, run, test.hash, test.environment)
  const known = run.force || test.allowModels ? undefined : await findKnownResult(services, run.projectId, contentKey)
  if (known) return { ...known, contentKey }
  const subject = { ...test, projectId: run.projectId, tree: run.tree, baseTree: run.baseTree }
  const outcome = test.allowModels
    ? await withModels(services, lease, run, result, (models) =>
        runTestCase(services, { ...subject, models }, lease.signal),
      )
    : await runTestCase(services, subject, lease.signal)
  return { outcome, contentKey, cachedFromId: null }
}

/** Of a candidate's run the base may be any commit of the repository; of all others it is one of the branch. */
const committedBase = async (services: Services, run: TestRunRow): Promise<string> => {
  if (run.candidateId === null) return run.baseTree
  const { baseCommit } = await rows(services.em())
    .selectFrom('AgentRun')
    .innerJoin('Candidate', 'Candidate.runId', 'AgentRun.id')
    .select('AgentRun.baseCommit')
    .where('Candidate.id', '=', run.candidateId)
    .executeTakeFirstOrThrow()
  return committedTree(services, run.projectId, baseCommit)
}

/** What the run's tests are given; kept with the run, for the end of a build to find who waits for it. */
const environmentOf = async (services: Services, lease: HeldLease, run: TestRunRow) => {
  const on = { projectId: run.projectId, baseTree: await committedBase(services, run) }
  return useEnvironment(services, on, lease.transact, async (tx, environmentId) => {
    const row = await tx.em.findOneOrFail(TestRun, { id: run.id })
    row.environmentId = environmentId
  })
}

const withoutEnvironment = (words: string): Ended => ({
  outcome: erroredOutcome(words),
  contentKey: null,
  cachedFromId: null,
})

/** Runs a test run's tests, as many at once as there are slots; a result that is stored is not made again. */
export const runTests = async (
  services: Services,
  testRunId: string,
  stop: AbortSignal,
  slots: Slots = pLimit(1),
): Promise<void> => {
  await withLease(services, leaseOn('test-run', testRunId), stop, async (lease) => {
    const read = rows(services.em())
    const run = await read.selectFrom('TestRun').selectAll().where('id', '=', testRunId).executeTakeFirst()
    if (!run || (run.status !== 'QUEUED' && run.status !== 'RUNNING')) return
    const belonging = await belongingOf(services, run)
    const environment = await environmentOf(services, lease, run)
    // The end of the build takes the run up again; no place of the pool is held for it until then.
    if (environment.state === 'PENDING') return
    await start(lease, run, belonging.subject, services.sandbox.driver)
    const results = await read
      .selectFrom('TestResult')
      .selectAll()
      .where('testRunId', '=', testRunId)
      .orderBy('position')
      .execute()
    const definitions = await definitionsOf(services, results)
    const overlay = run.basis === 'BASE' ? await baseTestFiles(services, run) : []
    // All of them: what still runs would outlive the lease.
    const ends = await Promise.allSettled(
      results.map((result) =>
        slots(async () => {
          if (result.status !== null) return
          lease.mayBegin()
          const definition = definitions.get(result.definitionHash)
          if (!definition) throw new Error(`The definition of the test result ${result.id} is gone.`)
          const ended =
            environment.state === 'FAILED'
              ? withoutEnvironment(environment.words)
              : await endOf(services, lease, run, result, { ...definition, overlay, environment: environment.use })
          lease.signal.throwIfAborted()
          await storeResult(lease, run, result, ended, belonging.subject)
        }),
      ),
    )
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    await finish(lease, run, belonging)
  })
}
