import type { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { changeLimits } from '../budget/change-limits.ts'
import { shareAgain } from '../budget/share-budget.ts'
import { AgentRun } from '../run/agent-run.entity.ts'
import { Candidate } from '../run/candidate.entity.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { budgetInput, validate } from '../shared/validate.ts'
import { findSprint } from './find-sprint.ts'

/**
 * Changes a sprint's budget: both limits, none where left out; null takes the budget away, and without one nothing
 * changes. What was spent stays spent. Candidates that are at work get their parts of what is left; a sprint that was
 * stopped goes on with retrySprint.
 * @throws NotFoundError, ForbiddenError, ValidationError
 */
export const updateSprint = async (
  services: Services,
  viewer: Viewer,
  id: string,
  budget: z.input<typeof budgetInput> | null | undefined,
): Promise<string> => {
  const limits = validate(budgetInput.nullish(), budget)
  return transact(services, async (tx) => {
    const sprint = await findSprint(tx, viewer, id, 'AUTHOR')
    if (limits === undefined) return id
    await changeLimits(tx, sprint.budgetId, limits)
    const runs = await tx.em.find(AgentRun, { sprintId: id, status: 'RUNNING' })
    const atWork = await tx.em.find(Candidate, {
      runId: { $in: runs.map((run) => run.id) },
      status: { $in: ['PENDING', 'RUNNING'] },
    })
    await shareAgain(
      tx,
      sprint.budgetId,
      atWork.flatMap(({ budgetId }) => budgetId ?? []),
    )
    return id
  })
}
