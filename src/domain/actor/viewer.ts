import { type Role, roles } from '../errors.ts'
import type { ActorRow } from './actor.entity.ts'

/** Who asks, with the token's role as the upper bound of what they may do. */
export interface Viewer {
  readonly actor: ActorRow
  readonly tokenId: string
  readonly tokenRole: Role
}

const rank = (role: Role): number => roles.indexOf(role)

export const includesRole = (held: Role | null, required: Role): boolean =>
  held !== null && rank(held) >= rank(required)

/** The lower of what an actor may and what the token may. */
export const boundedRole = (held: Role | null, bound: Role): Role | null =>
  held !== null && rank(held) > rank(bound) ? bound : held

/** The higher of two grants. */
export const widerRole = (a: Role | null, b: Role | null): Role | null => {
  if (a === null) return b
  if (b === null) return a
  return rank(a) >= rank(b) ? a : b
}

/** The viewer's role on every project; null when only memberships count. */
export const globalRole = (viewer: Viewer): Role | null => boundedRole(viewer.actor.role, viewer.tokenRole)
