import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError, NotFoundError } from '../errors.ts'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import type { Services } from '../shared/services.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { AgentRun } from './agent-run.entity.ts'
import { Candidate } from './candidate.entity.ts'
import { endRun } from './end-run.ts'
import { findRun } from './find-run.ts'

/** In the order in which a worker locks: its lease, then the run. Otherwise each could wait for the other. */
const stopWorkers = async (tx: Transaction, viewer: Viewer, id: string): Promise<void> => {
  const run = await tx.em.findOne(AgentRun, { id }, { fields: ['projectId'] })
  if (!run) throw new NotFoundError('run', id)
  await requireProjectRole(tx.em, viewer, run.projectId, 'AUTHOR', { noun: 'run', id })
  const candidates = await tx.em.find(Candidate, { runId: id }, { fields: ['id'] })
  await revokeLeases(tx, [leaseOn('run', id), ...candidates.map((candidate) => leaseOn('candidate', candidate.id))])
  tx.em.clear()
}

/**
 * Stops a run outside a sprint; what it has stored stays, and can be forked.
 * @throws NotFoundError, ForbiddenError, InvalidTransitionError
 */
export const cancelRun = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    await stopWorkers(tx, viewer, id)
    const run = await findRun(tx, viewer, id, 'AUTHOR')
    if (run.purpose !== 'RUN') {
      const owner =
        run.purpose === 'INTERVIEW' ? 'an interview and ends with it' : 'a sprint: cancel the sprint instead'
      throw new InvalidTransitionError('run', run.status, 'CANCELED', `It belongs to ${owner}.`)
    }
    await endRun(tx, run, 'CANCELED', null)
    return id
  })
