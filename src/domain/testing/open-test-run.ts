import { randomBytes, randomUUID } from 'node:crypto'
import { runTestsJob } from '../../jobs/run-tests.ts'
import type { EventSubject } from '../event/event.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { TestCase, type TestCaseRow } from './test-case.entity.ts'
import { definitionOf, TestDefinition, type TestDefinitionRow } from './test-definition.entity.ts'
import { type TestBasis, TestResult, TestRun } from './test-run.entity.ts'

/** The project's test cases that are in use, oldest first. */
export const projectTestCases = ({ em }: Pick<Services, 'em'>, projectId: string): Promise<TestCaseRow[]> =>
  rows(em())
    .selectFrom('TestCase')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('deletedAt', 'is', null)
    .orderBy('createdAt')
    .orderBy('name')
    .execute()

/** Those of them that are run by default. */
export const quickTestCases = async (services: Services, projectId: string): Promise<TestCaseRow[]> =>
  (await projectTestCases(services, projectId)).filter((testCase) => testCase.quick)

export interface NewTestRun {
  readonly subject: EventSubject
  readonly diffId?: string
  readonly candidateId?: string
  readonly phaseId?: string
  readonly sessionId?: string
  /** Who asked for this run by name, and so for what it spends. */
  readonly requestedById?: string
  readonly tree: string
  readonly baseTree: string
  readonly basis: TestBasis
  readonly testCases: readonly TestCaseRow[]
  /** Run every test, also one whose result on the same content is known. */
  readonly force: boolean
}

/** Keeps what the test cases are now. In the order of their hashes: of two at once none waits for the other in a circle. */
const storeDefinitions = async (tx: Transaction, definitions: readonly TestDefinitionRow[]): Promise<void> => {
  const distinct = new Map(definitions.map((definition) => [definition.hash, definition]))
  const sorted = [...distinct.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1))
  if (sorted.length > 0) await tx.em.upsertMany(TestDefinition, sorted, { onConflictAction: 'ignore' })
}

/** Results name their test case, also one that a tree brought and that was never the project's. */
const storeDetected = async (tx: Transaction, testCases: readonly TestCaseRow[]): Promise<void> => {
  const detected = testCases.filter(({ deletedAt }) => deletedAt !== null)
  const sorted = detected.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  if (sorted.length > 0) await tx.em.upsertMany(TestCase, sorted, { onConflictAction: 'ignore' })
}

/** Stores a QUEUED test run with a place for each result, and asks for it to be run. */
export const openTestRun = async (services: Services, tx: Transaction, run: NewTestRun): Promise<string> => {
  const id = randomUUID()
  const tests = run.testCases.map((testCase) => ({ testCase, definition: definitionOf(testCase) }))
  await storeDefinitions(
    tx,
    tests.map(({ definition }) => definition),
  )
  await storeDetected(tx, run.testCases)
  tx.em.create(TestRun, {
    id,
    projectId: run.subject.projectId,
    diffId: run.diffId ?? null,
    candidateId: run.candidateId ?? null,
    phaseId: run.phaseId ?? null,
    sessionId: run.sessionId ?? null,
    requestedById: run.requestedById ?? null,
    tree: run.tree,
    baseTree: run.baseTree,
    basis: run.basis,
    status: 'QUEUED',
    sandbox: services.sandbox.driver,
    force: run.force,
    cached: false,
    total: run.testCases.length,
    passed: 0,
    failed: 0,
    createdAt: tx.now,
  })
  for (const [position, { testCase, definition }] of tests.entries()) {
    tx.em.create(TestResult, {
      id: randomUUID(),
      testRunId: id,
      testCaseId: testCase.id,
      position,
      name: testCase.name,
      command: testCase.command,
      definitionHash: definition.hash,
      stdout: '',
      stderr: '',
      truncated: false,
      durationMs: 0,
      traceId: testCase.allowModels ? (services.tracer.traceId() ?? randomBytes(16).toString('hex')) : null,
    })
  }
  tx.emit(run.subject, {
    type: 'TestRunChanged',
    testRunId: id,
    status: 'QUEUED',
    finished: 0,
    total: run.testCases.length,
  })
  tx.enqueue(runTestsJob, { testRunId: id })
  return id
}
