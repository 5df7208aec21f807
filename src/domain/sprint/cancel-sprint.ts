import type { Viewer } from '../actor/viewer.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { endSprint } from './end-sprint.ts'
import { findSprint } from './find-sprint.ts'

/** Stops a sprint; what it has stored stays. @throws NotFoundError, ForbiddenError, InvalidTransitionError */
export const cancelSprint = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    await endSprint(tx, await findSprint(tx, viewer, id, 'AUTHOR'), 'CANCELED', null)
    return id
  })
