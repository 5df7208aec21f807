import type { EntityManager } from '@mikro-orm/postgresql'
import { ForbiddenError, NotFoundError, type Role } from '../errors.ts'
import { rows } from '../shared/database.ts'
import { boundedRole, globalRole, includesRole, type Viewer, widerRole } from './viewer.ts'

/** What a viewer may on a project; null when they may not even see it. */
export const projectRole = async (em: EntityManager, viewer: Viewer, projectId: string): Promise<Role | null> => {
  const everywhere = globalRole(viewer)
  // No membership adds to as much as the token allows.
  if (everywhere === viewer.tokenRole) return everywhere
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

/** The projects on which the viewer may what the role may; null means all of them. */
const projectIdsWith = async (em: EntityManager, viewer: Viewer, role: Role): Promise<readonly string[] | null> => {
  if (includesRole(globalRole(viewer), role)) return null
  const memberships = await rows(em)
    .selectFrom('Membership')
    .select(['projectId', 'role'])
    .where('actorId', '=', viewer.actor.id)
    .execute()
  return memberships
    .filter((membership) => includesRole(boundedRole(membership.role, viewer.tokenRole), role))
    .map((membership) => membership.projectId)
}

/** The projects that the viewer can see; null means all of them. */
export const visibleProjectIds = (em: EntityManager, viewer: Viewer) => projectIdsWith(em, viewer, 'VIEWER')

/** The projects that the viewer is an ADMIN of; null means all of them. */
export const administeredProjectIds = (em: EntityManager, viewer: Viewer) => projectIdsWith(em, viewer, 'ADMIN')
