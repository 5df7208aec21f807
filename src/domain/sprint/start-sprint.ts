import { advanceSprintJob } from '../../jobs/advance-sprint.ts'
import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import { InvalidTransitionError } from '../errors.ts'
import { chooseSubagents } from '../run/open-run.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { changeSprintStatus } from './change-sprint-status.ts'
import { findSprint } from './find-sprint.ts'
import { requireValidated } from './require-validated.ts'

/**
 * Starts a PLANNED sprint of a VALIDATED spec; the work goes on in the worker pools.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, CapacityError
 */
export const startSprint = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const sprint = await findSprint(tx, viewer, id, 'AUTHOR')
    if (sprint.status !== 'PLANNED') throw new InvalidTransitionError('sprint', sprint.status, 'ACTIVE')
    await requireValidated(tx, sprint.specId)
    chooseSubagents(services, sprint.subagents)
    await requireCapacity(services, tx, sprint.projectId)
    changeSprintStatus(tx, sprint, 'ACTIVE')
    sprint.startedAt = tx.now
    sprint.trace = tx.trace()
    sprint.deadlineAt = new Date(tx.now.getTime() + sprint.deadlineSeconds * 1_000)
    tx.enqueue(advanceSprintJob, { sprintId: id })
    return id
  })
