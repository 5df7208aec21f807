import type { EntityManager } from '@mikro-orm/postgresql'
import { ForbiddenError, NotFoundError, type Role } from '../errors.ts'
import { rows } from '../shared/database.ts'
import { runStatement } from '../shared/run-statement.ts'
import { prepared } from '../shared/statement-marks.ts'
import { boundedRole, globalRole, includesRole, type Viewer, widerRole } from './viewer.ts'

const membershipStatement = `${prepared('membership')}
  select role from membership where project_id = $1 and actor_id = $2`

/** What a viewer may on a project where they have this role as a member; null when they may not even see it. */
const roleWith = (viewer: Viewer, membership: Role | null): Role | null =>
  boundedRole(widerRole(viewer.actor.role, membership), viewer.tokenRole)

/** What a viewer may on a project; null when they may not even see it. */
export const projectRole = async (em: EntityManager, viewer: Viewer, projectId: string): Promise<Role | null> => {
  const everywhere = globalRole(viewer)
  // No membership adds to as much as the token allows.
  if (everywhere === viewer.tokenRole) return everywhere
  const values = [projectId, viewer.actor.id]
  const [membership] = await runStatement<{ readonly role: Role }>(em, membershipStatement, values)
  return roleWith(viewer, membership?.role ?? null)
}

interface Subject {
  readonly noun: string
  readonly id: string
}

const requireHeld = (held: Role | null, required: Role, subject: Subject): void => {
  if (held === null) throw new NotFoundError(subject.noun, subject.id)
  if (!includesRole(held, required)) {
    throw new ForbiddenError(`This needs the role ${required} on the project; yours is ${held}.`, required)
  }
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
  subject: Subject = { noun: 'project', id: projectId },
): Promise<void> => requireHeld(await projectRole(em, viewer, projectId), required, subject)

/**
 * The same where the viewer's role as a member of the project was read already.
 * @throws NotFoundError, ForbiddenError
 */
export const requireRoleWith = (viewer: Viewer, membership: Role | null, required: Role, subject: Subject): void =>
  requireHeld(roleWith(viewer, membership), required, subject)

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
