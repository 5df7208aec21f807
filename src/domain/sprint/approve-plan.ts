import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { prose, validate } from '../shared/validate.ts'
import { changeSprintStatus } from './change-sprint-status.ts'
import { findSprint } from './find-sprint.ts'

/**
 * Lets a sprint go on with its plan, or with the person's own version of it.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const approvePlan = async (
  services: Services,
  viewer: Viewer,
  sprintId: string,
  editedPlan: string | null | undefined,
): Promise<string> => {
  const plan = editedPlan == null ? undefined : validate(prose(200_000), editedPlan)
  return transact(services, async (tx) => {
    const sprint = await findSprint(tx, viewer, sprintId, 'AUTHOR')
    if (sprint.status !== 'AWAITING_PLAN_APPROVAL') throw new InvalidTransitionError('sprint', sprint.status, 'ACTIVE')
    changeSprintStatus(tx, sprint, 'ACTIVE')
    if (plan !== undefined) sprint.plan = plan
    sprint.planApprovedAt = tx.now
    // Waiting for a person is not the sprint's time.
    sprint.deadlineAt = new Date(tx.now.getTime() + sprint.deadlineSeconds * 1_000)
    tx.enqueue(advanceSprintJob, { sprintId })
    return sprintId
  })
}
