import { runCandidateJob } from '../../jobs/run-candidate.ts'
import type { Viewer } from '../actor/viewer.ts'
import { type BudgetLimits, openBudget } from '../budget/open-budget.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { DomainError } from '../errors.ts'
import { findReadyProject } from '../project/find-project.ts'
import { type OnceMutation, once } from '../shared/once.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { keepCheckpoint } from './checkpoint.ts'
import { emitRunChanged } from './end-run.ts'
import { type NewRun, openRun } from './open-run.ts'
import { runSeconds } from './time-limits.ts'

type NewOwnRun = Pick<
  NewRun,
  | 'projectId'
  | 'role'
  | 'history'
  | 'message'
  | 'baseCommit'
  | 'subagents'
  | 'judge'
  | 'note'
  | 'metadata'
  | 'replaysId'
  | 'fork'
> & {
  /** Where every candidate's workspace starts. */
  readonly tree: string
  readonly budget: BudgetLimits | null
}

const store = (
  services: Services,
  tx: Transaction,
  viewer: Viewer,
  { budget, tree, ...run }: NewOwnRun,
  checkpointId: string,
): string => {
  const { id, candidateIds } = openRun(services, tx, {
    ...run,
    createdById: viewer.actor.id,
    start: { tree, checkpointId },
    specId: null,
    sprintId: null,
    phaseId: null,
    purpose: 'RUN',
    budgetId: openBudget(tx, budget),
    limits: budget,
    deadlineAt: new Date(tx.now.getTime() + runSeconds * 1_000),
  })
  for (const candidateId of candidateIds) tx.enqueue(runCandidateJob, { candidateId })
  emitRunChanged(tx, { projectId: run.projectId, id }, 'RUNNING')
  return id
}

/**
 * Stores a run outside a sprint, under a budget of its own, and asks for its candidates' work.
 * @param request the mutation and its clientMutationId: asked again, it gives the run that there is
 * @returns its id
 * @throws NotFoundError, ForbiddenError, ValidationError, CapacityError
 */
export const openOwnRun = async (
  services: Services,
  viewer: Viewer,
  request: { readonly mutation: OnceMutation; readonly clientMutationId: string | null | undefined },
  run: NewOwnRun,
): Promise<string> => {
  const { projectId } = run
  const checkpointId = await keepCheckpoint(services, projectId, run.tree)
  let isStored = false
  try {
    return await transact(services, async (tx) => {
      await findReadyProject(tx, viewer, projectId, 'AUTHOR')
      isStored = false
      return once(tx, viewer, request.mutation, request.clientMutationId, async () => {
        await requireCapacity(services, tx, projectId)
        isStored = true
        return store(services, tx, viewer, run, checkpointId)
      })
    })
  } catch (error) {
    // After any other fault the row may be there; a reference without one is swept.
    isStored = !(error instanceof DomainError)
    throw error
  } finally {
    if (!isStored) await services.git.release(projectId, 'checkpoints', checkpointId)
  }
}
