import type { HeldLease } from '../lease/lease.ts'
import type { CandidateRow } from '../run/candidate.entity.ts'
import { type Contender, decideRun, storeDecision } from '../run/decide-run.ts'
import { isEnded } from '../run/run.status.ts'
import { type EvaluatedChange, evaluateTrees, storeEvaluation } from '../safety/evaluate-trees.ts'
import { rows } from '../shared/database.ts'
import { cut } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { isTestPath } from '../testing/is-test-path.ts'
import { openTestRun, projectTestCases } from '../testing/open-test-run.ts'
import type { TestRunRow } from '../testing/test-run.entity.ts'
import { testRunTransitions } from '../testing/test-run.status.ts'
import { changePhaseStatus } from './change-sprint-status.ts'
import { failPhase, noResult } from './fail-phase.ts'
import { addPhase } from './open-phase.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import { Sprint } from './sprint.entity.ts'
import { type PhaseRun, type SprintState, sprintSite } from './sprint-state.ts'

const maxJudgedCharacters = 100_000

/** The phase's test runs, one for each candidate that has a result; opened when they are missing. */
const testRunsOf = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  completed: readonly CandidateRow[],
  baseTree: string,
): Promise<readonly TestRunRow[] | 'opened'> => {
  const runs = await rows(services.em()).selectFrom('TestRun').selectAll().where('phaseId', '=', phase.id).execute()
  if (runs.length > 0) return runs
  const testCases = await projectTestCases(services, state.project.id)
  if (testCases.length === 0) return []
  await lease.transact(async (tx) => {
    for (const candidate of completed) {
      await openTestRun(services, tx, {
        subject: { projectId: state.project.id, sprintId: state.sprint.id },
        candidateId: candidate.id,
        phaseId: phase.id,
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

const toContender = async (
  services: Services,
  projectId: string,
  candidate: CandidateRow,
  change: EvaluatedChange,
  testRun: TestRunRow | undefined,
): Promise<Contender> => ({
  candidate,
  evidence: {
    candidateId: candidate.id,
    label: candidate.label,
    testsPassed: testRun?.passed ?? 0,
    testsFailed: testRun ? testRun.total - testRun.passed : 0,
    addedCapabilities: change.safety.addedCapabilities.length,
    findings: change.safety.issues.length + change.safety.warnings.length,
    changedFiles: change.files.length,
    changedLines: change.files.reduce((sum, file) => sum + file.additions + file.deletions, 0),
    changesTests: change.files.some((file) => file.oldObjectId !== null && isTestPath(file.previousPath ?? file.path)),
  },
  text: cut(await services.git.patchBetween(projectId, change.baseTree, change.resultTree), maxJudgedCharacters),
})

/**
 * Once every coder has ended, the project's tests run on each result; once those have ended, one is chosen, and
 * Verification follows.
 * @returns false while coders or tests are at work
 */
export const finishCoding = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
  { run, candidates }: PhaseRun,
): Promise<boolean> => {
  if (!candidates.every((candidate) => isEnded(candidate.status))) return false
  const { project } = state
  const completed = candidates.filter((candidate) => candidate.status === 'COMPLETED')
  if (completed.length === 0) {
    await failPhase(lease, state, phase, noResult(candidates))
    return true
  }
  const baseTree = await services.git.treeOf(project.id, state.sprint.baseCommit ?? '')
  const testRuns = await testRunsOf(services, lease, state, phase, completed, baseTree)
  if (testRuns === 'opened' || testRuns.some(({ status }) => testRunTransitions[status].length > 0)) return false
  const broken = testRuns.find(({ status }) => status === 'ERRORED')
  if (broken) {
    await failPhase(lease, state, phase, await sandboxFault(services, broken.id))
    return true
  }
  const changes = await Promise.all(
    completed.map((candidate) => evaluateTrees(services, project.id, baseTree, candidate.tree ?? baseTree)),
  )
  const [first, ...others] = await Promise.all(
    completed.map((candidate, index) => {
      const change = changes[index]
      if (!change) throw new Error(`The candidate ${candidate.id} was not evaluated.`)
      return toContender(
        services,
        project.id,
        candidate,
        change,
        testRuns.find(({ candidateId }) => candidateId === candidate.id),
      )
    }),
  )
  if (!first) throw new Error('There is no result to choose from.')
  const outcome = await decideRun(services, lease, sprintSite(state, run.id), run, state.spec.task, [first, ...others])
  await lease.transact(async (tx) => {
    for (const change of changes) await storeEvaluation(tx, project.id, change)
    const sprint = await tx.em.findOneOrFail(Sprint, { id: state.sprint.id })
    await storeDecision(tx, run, outcome)
    sprint.workingTree = outcome.selected.candidate.tree
    const summary = `${outcome.selected.candidate.label} selected (${outcome.method}). ${outcome.rationale}`
    changePhaseStatus(tx, project.id, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'SUCCEEDED', summary)
    addPhase(tx, sprint, 'VERIFICATION', phase.attempt)
  })
  return true
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
