import { runInterviewJob } from '../../jobs/run-interview.ts'
import type { Viewer } from '../actor/viewer.ts'
import { requireCapacity } from '../capacity/require-capacity.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { findSpec } from './find-spec.ts'
import { toInterviewStatus } from './spec.status.ts'

/** Starts a FAILED interview again. @throws NotFoundError, ForbiddenError, InvalidTransitionError, CapacityError */
export const retryInterview = async (services: Services, viewer: Viewer, specId: string): Promise<string> =>
  transact(services, async (tx) => {
    const spec = await findSpec(tx, viewer, specId, 'AUTHOR')
    spec.interviewStatus = toInterviewStatus(spec.interviewStatus, 'QUEUED')
    await requireCapacity(services, tx, spec.projectId)
    spec.interviewFailure = null
    tx.emit({ projectId: spec.projectId, specId }, { type: 'InterviewChanged', specId, status: spec.interviewStatus })
    tx.enqueue(runInterviewJob, { specId })
    return specId
  })
