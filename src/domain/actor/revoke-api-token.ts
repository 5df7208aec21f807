import { NotFoundError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { requireGlobalRole } from './access.ts'
import { ApiToken } from './api-token.entity.ts'
import type { Viewer } from './viewer.ts'

/** Ends a token at once: the viewer's own, or by an ADMIN any. @throws NotFoundError, ForbiddenError */
export const revokeApiToken = async (services: Services, viewer: Viewer, id: string): Promise<string> =>
  transact(services, async (tx) => {
    const token = await tx.em.findOne(ApiToken, { id })
    if (!token) throw new NotFoundError('token', id)
    if (token.actorId !== viewer.actor.id) requireGlobalRole(viewer, 'ADMIN')
    token.revokedAt ??= tx.now
    return id
  })
