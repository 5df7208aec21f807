import { LockMode } from '@mikro-orm/core'
import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError } from '../errors.ts'
import { leaseOn, revokeLeases } from '../lease/lease.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { Webhook } from './webhook.entity.ts'

/**
 * Ends a webhook: a request that is on its way is broken off, and what waits is not sent.
 * @throws NotFoundError, ForbiddenError
 */
export const deleteWebhook = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const known = await rows(tx.em).selectFrom('Webhook').select('projectId').where('id', '=', id).executeTakeFirst()
    if (!known) throw new NotFoundError('webhook', id)
    await requireProjectRole(tx.em, viewer, known.projectId, 'ADMIN', { noun: 'webhook', id })
    // Before the row, as whoever delivers takes them: otherwise the two could wait for each other.
    await revokeLeases(tx, [leaseOn('webhook', id)])
    const webhook = await tx.em.findOne(Webhook, { id, deletedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (!webhook) throw new NotFoundError('webhook', id)
    webhook.deletedAt = tx.now
    webhook.secret = null
    return id
  })
