import pLimit from 'p-limit'
import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import { carryApprovals } from '../diff/carry-approvals.ts'
import { refreshApproval } from '../diff/refresh-approval.ts'
import type { EventSubject } from '../event/event.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { SandboxDriver } from '../ports/sandbox.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { isTestPath } from './is-test-path.ts'
import { type OverlayFile, runTestCase, type TestOutcome } from './run-test-case.ts'
import { TestResult, type TestResultRow, TestRun, type TestRunRow } from './test-run.entity.ts'
import { type TestRunStatus, toTestRunStatus } from './test-run.status.ts'

const testsAtOnce = 4

interface Belonging {
  readonly subject: EventSubject
  readonly sprintId: string | null
}

const belongingOf = async (services: Services, run: TestRunRow): Promise<Belonging> => {
  const read = rows(services.em())
  const phase = run.phaseId
    ? await read.selectFrom('Phase').select('sprintId').where('id', '=', run.phaseId).executeTakeFirst()
    : undefined
  const diff = run.diffId
    ? await read.selectFrom('Diff').select('sprintId').where('id', '=', run.diffId).executeTakeFirst()
    : undefined
  const sprintId = phase?.sprintId ?? diff?.sprintId ?? null
  return { subject: { projectId: run.projectId, sprintId, diffId: run.diffId }, sprintId: phase?.sprintId ?? null }
}

const linkMode = '120000'

/** What turns the files that are tests, or decide how tests run, into the base's: its versions, and no others. */
const baseTestFiles = async (services: Services, run: TestRunRow): Promise<readonly OverlayFile[]> => {
  const { git } = services
  const testFiles = async (tree: string) =>
    (await git.listFiles(run.projectId, tree)).filter(
      ({ path, kind, mode }) => isTestPath(path) && kind === 'blob' && mode !== linkMode,
    )
  const ofBase = await testFiles(run.baseTree)
  const kept = new Set(ofBase.map(({ path }) => path))
  const files: OverlayFile[] = []
  for (const { path } of await testFiles(run.tree)) if (!kept.has(path)) files.push({ path, content: null })
  for (const { path } of ofBase) {
    const file = await git.readFile(run.projectId, run.baseTree, path)
    if (file) files.push({ path, content: file.content, isExecutable: file.mode === '100755' })
  }
  return files
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

const storeResult = (
  lease: HeldLease,
  run: TestRunRow,
  result: TestResultRow,
  outcome: TestOutcome,
  subject: EventSubject,
) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(TestResult, { id: result.id })
    const runRow = await tx.em.findOneOrFail(TestRun, { id: run.id })
    Object.assign(row, outcome)
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
    row.finishedAt = tx.now
    tx.emit(belonging.subject, {
      type: 'TestRunChanged',
      testRunId: run.id,
      status: row.status,
      finished: row.total,
      total: row.total,
    })
    if (belonging.sprintId) tx.enqueue(advanceSprintJob, { sprintId: belonging.sprintId })
    if (run.diffId) {
      await tx.em.flush()
      await carryApprovals(tx, run.diffId)
      await refreshApproval(tx, run.diffId)
    }
  })

/** Runs a test run's tests, a few at a time; a result that is stored is not made again. */
export const runTests = async (services: Services, testRunId: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('test-run', testRunId), stop, async (lease) => {
    const read = rows(services.em())
    const run = await read.selectFrom('TestRun').selectAll().where('id', '=', testRunId).executeTakeFirst()
    if (!run || (run.status !== 'QUEUED' && run.status !== 'RUNNING')) return
    const belonging = await belongingOf(services, run)
    await start(lease, run, belonging.subject, services.sandbox.driver)
    const results = await read
      .selectFrom('TestResult')
      .selectAll()
      .where('testRunId', '=', testRunId)
      .orderBy('position')
      .execute()
    const testCases = await read
      .selectFrom('TestCase')
      .select(['id', 'files', 'timeoutMs'])
      .where(
        'id',
        'in',
        results.map((result) => result.testCaseId),
      )
      .execute()
    const overlay = run.basis === 'BASE' ? await baseTestFiles(services, run) : []
    const atOnce = pLimit(testsAtOnce)
    await atOnce.map(results, async (result) => {
      const testCase = testCases.find(({ id }) => id === result.testCaseId)
      if (result.status !== null || !testCase) return
      const outcome = await runTestCase(
        services,
        {
          projectId: run.projectId,
          tree: run.tree,
          command: result.command,
          timeoutMs: testCase.timeoutMs,
          overlay,
          files: testCase.files,
        },
        lease.signal,
      )
      lease.signal.throwIfAborted()
      await storeResult(lease, run, result, outcome, belonging.subject)
    })
    await finish(lease, run, belonging)
  })
}
