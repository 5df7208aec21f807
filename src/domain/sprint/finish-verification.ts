import { pipelineActorId } from '../actor/ensure-actors.ts'
import { messageFromSummary } from '../commit-message/commit-message.ts'
import { prepareDiff } from '../diff/prepare-diff.ts'
import { proposePatch } from '../diff/propose-patch.ts'
import { DomainError } from '../errors.ts'
import type { HeldLease } from '../lease/lease.ts'
import { noResult } from '../run/candidate-failure.ts'
import { sandboxFault } from '../run/measure-candidates.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { tellingResults, testCasesOf } from '../testing/detected-test-cases.ts'
import { projectTestCases } from '../testing/open-test-run.ts'
import { describeResults } from '../testing/test-report.ts'
import type { TestRunRow } from '../testing/test-run.entity.ts'
import { testRunTransitions } from '../testing/test-run.status.ts'
import { changePhaseStatus, changeSprintStatus } from './change-sprint-status.ts'
import { endSprint } from './end-sprint.ts'
import { failPhase } from './fail-phase.ts'
import { addPhase } from './open-phase.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import { loadPhaseRun, type SprintState } from './sprint-state.ts'
import { askVerifier } from './verify.ts'

const resultsOf = async (services: Services, testRuns: readonly TestRunRow[]) => {
  if (testRuns.length === 0) return []
  const results = await rows(services.em())
    .selectFrom('TestResult')
    .selectAll()
    .where(
      'testRunId',
      'in',
      testRuns.map((run) => run.id),
    )
    .orderBy('position')
    .execute()
  return testRuns.flatMap((run) =>
    results
      .filter((result) => result.testRunId === run.id)
      .map((result) => ({
        ...result,
        name: run.basis === 'BASE' ? `${result.name} (as it is on the branch)` : result.name,
      })),
  )
}

/** The test runs that were opened when the phase was last started; others are of an earlier try. */
const testRunsOf = async (services: Services, { id, startedAt }: PhaseRow): Promise<readonly TestRunRow[]> => {
  const runs = await rows(services.em()).selectFrom('TestRun').selectAll().where('phaseId', '=', id).execute()
  return runs.filter(({ createdAt }) => createdAt.getTime() === startedAt?.getTime())
}

const tryAgain = (services: Services, lease: HeldLease, state: SprintState, phase: PhaseRow, summary: string) =>
  lease.transact(async (tx) => {
    const sprint = await tx.em.findOneOrFail(Sprint, { id: state.sprint.id })
    changePhaseStatus(tx, sprint.projectId, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'FAILED', summary)
    if (phase.attempt < sprint.maxAttempts) {
      addPhase(tx, sprint, 'CODING', phase.attempt + 1)
      return
    }
    services.log.info({ sprint: sprint.id, attempts: phase.attempt }, 'sprint ran out of attempts')
    await endSprint(
      tx,
      sprint,
      'FAILED',
      `Verification failed in all ${phase.attempt} attempts. The last one:\n${summary}`,
    )
  })

/** The candidate whose work was selected last, and what it said of it. */
const selectedCandidate = (services: Services, sprintId: string) =>
  rows(services.em())
    .selectFrom('Decision')
    .innerJoin('AgentRun', 'AgentRun.id', 'Decision.runId')
    .innerJoin('Candidate', 'Candidate.id', 'Decision.selectedId')
    .select(['Candidate.id', 'Candidate.output'])
    .where('AgentRun.sprintId', '=', sprintId)
    .where('AgentRun.purpose', '=', 'CODING')
    .orderBy('Decision.createdAt', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()

/** @param ran the tests whose end says nothing of what was tested */
const untested = (ran: readonly string[]): string =>
  'Nothing was tested: the project has no test case, and the result has no tests that could be found from its root and ' +
  'counted as they run (pytest, unittest, node --test, vitest). ' +
  (ran.length > 0 ? `What was run (${ran.join(', ')}) does not say what it tested. ` : '') +
  'Without a test that passes a verification does not succeed. Add tests to the change; or a person gives the project a ' +
  'test case with createTestCase, and then calls retrySprint.'

const ownTests = (testRuns: readonly TestRunRow[], names: readonly string[]): string =>
  testRuns.some(({ basis }) => basis === 'WORKSPACE')
    ? `The project has no test case; what was run are the tests that the change itself has: ${names.join(', ')}.`
    : `The project has no test case, and the change has no tests left; what was run are the branch's: ${names.join(', ')}.`

const succeed = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  reasons: readonly string[],
) => {
  const { sprint, project, spec } = state
  const baseCommit = sprint.baseCommit ?? ''
  const baseTree = await services.git.treeOf(project.id, baseCommit)
  const patch = await services.git.patchBetween(project.id, baseTree, sprint.workingTree ?? baseTree)
  const prepared = await prepareDiff(services, project.id, baseCommit, patch, { allowInvalidSyntax: true })
  const candidate = await selectedCandidate(services, sprint.id)
  const earlier = await rows(services.em())
    .selectFrom('Diff')
    .select('id')
    .where('sprintId', '=', sprint.id)
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  const diff = {
    projectId: project.id,
    origin: 'SPRINT',
    authorId: pipelineActorId,
    requestedById: sprint.createdById,
    candidateId: candidate.id,
    sprintId: sprint.id,
    sessionId: null,
    iteration: sprint.iteration,
    supersedesId: earlier?.id ?? null,
    targetBranch: project.targetBranch ?? '',
    prompt: spec.task,
    commitMessage: messageFromSummary(candidate.output ?? '', sprint.name),
  } as const
  const testCases = (await testCasesOf(services, project.id, prepared.resultTree)).filter(({ quick }) => quick)
  await proposePatch(services, { diff, prepared, testCases }, (store) =>
    lease.transact(async (tx) => {
      const row = await tx.em.findOneOrFail(Sprint, { id: sprint.id })
      changePhaseStatus(
        tx,
        project.id,
        await tx.em.findOneOrFail(Phase, { id: phase.id }),
        'SUCCEEDED',
        ['VERIFICATION_SUCCESS', ...reasons].join('\n'),
      )
      const id = await store(tx)
      changeSprintStatus(tx, row, 'COMPLETED')
      row.finishedAt = tx.now
      return id
    }),
  )
}

/**
 * Once the tests on the selected tree have ended, the verifier is asked. Success makes the diff and completes the
 * sprint; failure feeds what went wrong into the next attempt.
 * @returns false while tests run
 */
export const finishVerification = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
): Promise<boolean> => {
  const testRuns = await testRunsOf(services, phase)
  if (testRuns.some(({ status }) => testRunTransitions[status].length > 0)) return false
  const broken = testRuns.find(({ status }) => status === 'ERRORED')
  if (broken) {
    await failPhase(lease, state, phase, await sandboxFault(services, broken.id))
    return true
  }
  const named = await resultsOf(services, testRuns)
  const names = [...new Set(named.map(({ name }) => name))]
  const report = describeResults(named)
  const testRunIds = testRuns.map(({ id }) => id)
  if ((await tellingResults(services.em(), testRunIds)).length === 0) {
    // No verifier's word would make up for it, so none is bought.
    await tryAgain(services, lease, state, phase, names.length > 0 ? `${untested(names)}\n\n${report}` : untested([]))
    return true
  }
  const { project, sprint } = state
  const baseTree = await services.git.treeOf(project.id, sprint.baseCommit ?? '')
  const patch = await services.git.patchBetween(project.id, baseTree, sprint.workingTree ?? baseTree)
  const verified = await askVerifier(services, lease, state, phase, patch, report)
  const failedTests = named.filter(({ status }) => status !== 'PASSED').length
  if (!verified) {
    // Another attempt at coding would not bring a verifier back.
    const opened = await loadPhaseRun(services, phase.id)
    await failPhase(lease, state, phase, `No verifier answered.\n${noResult(opened?.candidates ?? [])}\n\n${report}`)
    return true
  }
  if (verified.verdict !== 'VERIFICATION_SUCCESS' || failedTests > 0) {
    await tryAgain(services, lease, state, phase, `${verified.reasons.join('\n')}\n\n${report}`)
    return true
  }
  try {
    const hasOwn = (await projectTestCases(services, project.id)).length > 0
    const note = hasOwn ? [] : [ownTests(testRuns, names)]
    await succeed(services, lease, state, phase, [...note, ...verified.reasons])
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    await failPhase(lease, state, phase, error.message)
  }
  return true
}
