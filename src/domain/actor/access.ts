import type { EntityManager } from '@mikro-orm/postgresql'
import { ForbiddenError, NotFoundError, type Role } from '../errors.ts'
import { rows } from '../shared/database.ts'
import { boundedRole, globalRole, includesRole, type Viewer, widerRole } from './viewer.ts'

/** What a viewer may on a project; null when they may not even see it. */
export const projectRole = async (em: EntityManager, viewer: Viewer, projectId: string): Promise<Role | null> => {
  const membership = await rows(em)
    .selectFrom('Membership')
    .select('role')
    .where('projectId', '=', projectId)
    .where('actorId', '=', viewer.actor.id)
    .executeTakeFirst()
  return boundedRole(widerRole(viewer.actor.role, membership?.role ?? null), viewer.tokenRole)
}

/**
 * @throws NotFoundError when the viewer may not see the project: what is hidden does not exist
 * @throws ForbiddenError when they see it and may not do this
 */
export const requireProjectRole = async (
  em: EntityManager,
  viewer: Viewer,
  projectId: string,
  required: Role,
  subject: { noun: string; id: string } = { noun: 'project', id: projectId },
): Promise<void> => {
  const held = await projectRole(em, viewer, projectId)
  if (held === null) throw new NotFoundError(subject.noun, subject.id)
  if (!includesRole(held, required)) {
    throw new ForbiddenError(`This needs the role ${required} on the project; yours is ${held}.`, required)
  }
}

/** @throws ForbiddenError unless the viewer has the role on every project */
export const requireGlobalRole = (viewer: Viewer, required: Role): void => {
  const held = globalRole(viewer)
  if (!includesRole(held, required)) {
    throw new ForbiddenError(
      `This needs the role ${required} on all projects; ${held ? `yours is ${held}` : 'you have none'}.`,
      required,
    )
  }
}

/** The projects that the viewer can see; null means all of them. */
export const visibleProjectIds = async (em: EntityManager, viewer: Viewer): Promise<readonly string[] | null> => {
  if (globalRole(viewer) !== null) return null
  const memberships = await rows(em)
    .selectFrom('Membership')
    .select('projectId')
    .where('actorId', '=', viewer.actor.id)
    .execute()
  return memberships.map((membership) => membership.projectId)
}
