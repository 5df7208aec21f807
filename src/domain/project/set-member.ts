import { z } from 'zod'
import { Actor } from '../actor/actor.entity.ts'
import type { Viewer } from '../actor/viewer.ts'
import { refreshApprovals } from '../approval/refresh-approvals.ts'
import { NotFoundError, roles } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { validate } from '../shared/validate.ts'
import { findProject } from './find-project.ts'
import { Membership } from './membership.entity.ts'

const input = z.object({ projectId: z.uuid(), actorId: z.uuid(), role: z.enum(roles) })

/**
 * Gives an actor a role on one project, beside what they have on all. Diffs are APPROVED only while their approvals are by
 * people who may give them.
 * @throws NotFoundError, ForbiddenError
 */
export const setProjectMember = async (
  services: Services,
  viewer: Viewer,
  given: z.input<typeof input>,
): Promise<string> => {
  const { projectId, actorId, role } = validate(input, given)
  return transact(services, async (tx) => {
    // Locked: of two that make the same actor a member at once, the second finds the first's row.
    const project = await findProject(tx, viewer, projectId, 'ADMIN', true)
    const actor = await tx.em.findOne(Actor, { id: actorId })
    if (!actor) throw new NotFoundError('actor', actorId)
    const membership = await tx.em.findOne(Membership, { projectId, actorId })
    if (membership) membership.role = role
    else tx.em.create(Membership, { projectId, actorId, role })
    await refreshApprovals(tx, projectId, 'reviewers')
    return project.id
  })
}

/** Takes an actor's role on one project away. @throws NotFoundError when they have none there, ForbiddenError */
export const removeProjectMember = async (
  services: Services,
  viewer: Viewer,
  projectId: string,
  actorId: string,
): Promise<string> =>
  transact(services, async (tx) => {
    const project = await findProject(tx, viewer, projectId, 'ADMIN', true)
    const removed = await tx.em.nativeDelete(Membership, { projectId, actorId })
    if (removed === 0) throw new NotFoundError('member', actorId)
    await refreshApprovals(tx, projectId, 'reviewers')
    return project.id
  })
