import type { EntityManager } from '@mikro-orm/postgresql'
import { projectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { rows } from '../shared/database.ts'
import type { VersionRow } from './version.entity.ts'

export const readVersion = (em: EntityManager, id: string): Promise<VersionRow | undefined> =>
  rows(em).selectFrom('Version').selectAll().where('id', '=', id).executeTakeFirst()

/** The version if the viewer can see its project: what is hidden does not exist. */
export const visibleVersion = async (
  em: EntityManager,
  viewer: Viewer,
  id: string,
): Promise<VersionRow | undefined> => {
  const version = await readVersion(em, id)
  return version && (await projectRole(em, viewer, version.projectId)) !== null ? version : undefined
}
