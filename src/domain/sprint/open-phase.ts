import { randomUUID } from 'node:crypto'
import { runCandidateJob } from '../../jobs/run-candidate.ts'
import { Budget } from '../budget/budget.entity.ts'
import { roomIn } from '../budget/share-budget.ts'
import type { HeldLease } from '../lease/lease.ts'
import { keepCheckpoint } from '../run/checkpoint.ts'
import { chooseSubagents, openRun } from '../run/open-run.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import { testCasesOf } from '../testing/detected-test-cases.ts'
import { openTestRun } from '../testing/open-test-run.ts'
import { changePhaseStatus } from './change-sprint-status.ts'
import { Phase, type PhaseRow } from './phase.entity.ts'
import type { PhaseKind } from './phase.status.ts'
import { Sprint } from './sprint.entity.ts'
import { assignmentMessage } from './sprint-prompts.ts'
import { assignmentOf, loadPhaseRun, type SprintState } from './sprint-state.ts'

/** Plans the next phase. */
export const addPhase = (
  tx: Transaction,
  sprint: { id: string; projectId: string; iteration: number },
  kind: PhaseKind,
  attempt: number,
): void => {
  const id = randomUUID()
  tx.em.create(Phase, {
    id,
    sprintId: sprint.id,
    kind,
    iteration: sprint.iteration,
    attempt,
    status: 'PENDING',
    createdAt: tx.now,
  })
  tx.emit(
    { projectId: sprint.projectId, sprintId: sprint.id },
    { type: 'PhaseChanged', sprintId: sprint.id, phaseId: id, status: 'PENDING' },
  )
}

/** The sprint's first step: its base is the target branch as it is now. */
export const openSprint = async (
  services: Services,
  lease: HeldLease,
  { sprint, project }: SprintState,
): Promise<void> => {
  const base = sprint.baseCommit ?? (await services.git.branchHead(project.id, project.targetBranch ?? ''))
  if (!base) throw new Error(`The branch ${project.targetBranch} of the project ${project.id} has no commit.`)
  const tree = sprint.workingTree ?? (await services.git.treeOf(project.id, base))
  await lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Sprint, { id: sprint.id })
    row.baseCommit = base
    row.workingTree = tree
    addPhase(tx, row, row.plan === null ? 'DISCOVERY' : 'CODING', 1)
  })
}

/**
 * Gives every candidate of a Discovery or Coding phase its workspace and asks for its work. A phase that is tried again
 * has a run already: what that one bought is played back.
 */
export const openAgentPhase = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
): Promise<void> => {
  const { sprint, project } = state
  const { subagents, note } = chooseSubagents(services, sprint.subagents)
  const earlier = await loadPhaseRun(services, phase.id)
  const tree = sprint.workingTree ?? ''
  const checkpointId = await keepCheckpoint(services, project.id, tree)
  await lease.transact(async (tx) => {
    const budget = await tx.em.findOneOrFail(Budget, { id: sprint.budgetId })
    const { candidateIds } = openRun(services, tx, {
      projectId: project.id,
      specId: sprint.specId,
      sprintId: sprint.id,
      phaseId: phase.id,
      purpose: phase.kind,
      role: phase.kind === 'CODING' ? 'coder' : 'planner',
      createdById: sprint.createdById,
      message: assignmentMessage(assignmentOf(state, phase)),
      baseCommit: sprint.baseCommit,
      start: { tree, checkpointId },
      subagents,
      judge: sprint.judge,
      note,
      limits: roomIn(budget),
      replaysId: earlier?.run.id ?? null,
    })
    changePhaseStatus(tx, project.id, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'RUNNING')
    for (const candidateId of candidateIds) tx.enqueue(runCandidateJob, { candidateId })
  })
}

/**
 * Runs all tests on the selected tree, and again with the base's own versions of the tests. Where the project has no test
 * case, each tree says which tests it has.
 */
export const openVerification = async (
  services: Services,
  lease: HeldLease,
  state: SprintState,
  phase: PhaseRow,
): Promise<void> => {
  const { sprint, project } = state
  const tree = sprint.workingTree ?? ''
  const baseTree = await services.git.treeOf(project.id, sprint.baseCommit ?? '')
  const tests = [
    { basis: 'WORKSPACE', testCases: await testCasesOf(services, project.id, tree) },
    { basis: 'BASE', testCases: await testCasesOf(services, project.id, baseTree) },
  ] as const
  await lease.transact(async (tx) => {
    changePhaseStatus(tx, project.id, await tx.em.findOneOrFail(Phase, { id: phase.id }), 'RUNNING')
    for (const { basis, testCases } of tests) {
      if (testCases.length === 0) continue
      await openTestRun(services, tx, {
        subject: { projectId: project.id, sprintId: sprint.id },
        phaseId: phase.id,
        tree,
        baseTree,
        basis,
        testCases,
        force: true,
      })
    }
  })
}
