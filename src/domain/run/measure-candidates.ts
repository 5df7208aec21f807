import type { EventSubject } from '../event/event.ts'
import type { HeldLease } from '../lease/lease.ts'
import { type EvaluatedChange, evaluateTrees } from '../safety/evaluate-trees.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { isTelling, tellingResults, testCasesOf } from '../testing/detected-test-cases.ts'
import { isTestPath } from '../testing/is-test-path.ts'
import { openTestRun } from '../testing/open-test-run.ts'
import type { TestRunRow } from '../testing/test-run.entity.ts'
import { testRunTransitions } from '../testing/test-run.status.ts'
import type { CandidateRow } from './candidate.entity.ts'
import type { Contender, Contenders } from './contender.ts'

/** What was measured of candidates; `waiting` while their tests run, `broken` when they cannot be run. */
export type Measured =
  | { readonly state: 'waiting' }
  | { readonly state: 'broken'; readonly failure: string }
  | { readonly state: 'measured'; readonly contenders: Contenders; readonly changes: readonly EvaluatedChange[] }

/** To take all tests away is not to pass them: of a tree that has none left, those that the base had are run. */
const resultTestCases = async (services: Services, projectId: string, baseTree: string, tree: string) => {
  const testCases = await testCasesOf(services, projectId, tree)
  if (tree === baseTree || testCases.some(isTelling)) return testCases
  const lost = await testCasesOf(services, projectId, baseTree)
  return [...testCases, ...lost.filter(({ id }) => !testCases.some((left) => left.id === id))]
}

/** The candidates' test runs; opened when they are missing. */
const testRunsOf = async (
  services: Services,
  lease: HeldLease,
  { subject, phaseId, completed, baseTree }: Measuring,
): Promise<readonly TestRunRow[] | 'opened'> => {
  const runs = await rows(services.em())
    .selectFrom('TestRun')
    .selectAll()
    .where(
      'candidateId',
      'in',
      completed.map(({ id }) => id),
    )
    .execute()
  if (runs.length > 0) return runs
  const tests = await Promise.all(
    completed.map(async (candidate) => ({
      candidate,
      testCases: await resultTestCases(services, subject.projectId, baseTree, candidate.tree ?? baseTree),
    })),
  )
  const tested = tests.filter(({ testCases }) => testCases.length > 0)
  if (tested.length === 0) return []
  await lease.transact(async (tx) => {
    for (const { candidate, testCases } of tested) {
      await openTestRun(services, tx, {
        subject,
        candidateId: candidate.id,
        ...(phaseId !== null && { phaseId }),
        tree: candidate.tree ?? '',
        baseTree,
        basis: 'WORKSPACE',
        testCases,
        force: true,
      })
    }
  })
  return 'opened'
}

/** What the sandbox said when it could not run a test. */
export const sandboxFault = async (services: Services, testRunId: string): Promise<string> => {
  const result = await rows(services.em())
    .selectFrom('TestResult')
    .select(['name', 'error'])
    .where('testRunId', '=', testRunId)
    .where('status', '=', 'ERRORED')
    .executeTakeFirst()
  return `The tests could not be run: ${result?.name}: ${result?.error}`
}

const toContender = async (
  services: Services,
  { subject, showOutput }: Measuring,
  candidate: CandidateRow,
  change: EvaluatedChange,
  testRun: TestRunRow | undefined,
): Promise<Contender> => {
  const patch = await services.git.patchBetween(subject.projectId, change.baseTree, change.resultTree)
  const telling = await tellingResults(services.em(), testRun ? [testRun.id] : [])
  return {
    candidate,
    evidence: {
      candidateId: candidate.id,
      label: candidate.label,
      testsPassed: telling.filter(({ status }) => status === 'PASSED').length,
      testsFailed: testRun ? testRun.total - testRun.passed : 0,
      addedCapabilities: change.safety.addedCapabilities.length,
      findings: change.safety.issues.length + change.safety.warnings.length,
      changedFiles: change.files.length,
      changedLines: change.files.reduce((sum, file) => sum + file.additions + file.deletions, 0),
      changesTests: change.files.some(
        (file) => file.oldObjectId !== null && isTestPath(file.previousPath ?? file.path),
      ),
    },
    text: showOutput ? `${candidate.output ?? ''}\n\n${patch}` : patch,
  }
}

export interface Measuring {
  readonly subject: EventSubject
  readonly phaseId: string | null
  readonly completed: readonly [CandidateRow, ...CandidateRow[]]
  /** What the results are changes of. */
  readonly baseTree: string
  /** Whether a judge reads what the candidates said besides what they changed. */
  readonly showOutput: boolean
}

/** Runs the project's tests on each result, and measures each once they have ended. To be called until it is not waiting. */
export const measureCandidates = async (
  services: Services,
  lease: HeldLease,
  measuring: Measuring,
): Promise<Measured> => {
  const { completed, baseTree, subject } = measuring
  const testRuns = await testRunsOf(services, lease, measuring)
  if (testRuns === 'opened' || testRuns.some(({ status }) => testRunTransitions[status].length > 0)) {
    return { state: 'waiting' }
  }
  const broken = testRuns.find(({ status }) => status === 'ERRORED')
  if (broken) return { state: 'broken', failure: await sandboxFault(services, broken.id) }
  const measure = async (candidate: CandidateRow) => {
    const change = await evaluateTrees(services, subject.projectId, baseTree, candidate.tree ?? baseTree)
    const testRun = testRuns.find(({ candidateId }) => candidateId === candidate.id)
    return { change, contender: await toContender(services, measuring, candidate, change, testRun) }
  }
  const [firstCandidate, ...otherCandidates] = completed
  const [first, others] = await Promise.all([measure(firstCandidate), Promise.all(otherCandidates.map(measure))])
  return {
    state: 'measured',
    contenders: [first.contender, ...others.map(({ contender }) => contender)],
    changes: [first, ...others].map(({ change }) => change),
  }
}
