import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import type { EnvironmentRow } from './environment.entity.ts'

/** Of each project the environment that was last asked for, in the order of the ids. */
export const latestEnvironments = async (
  em: EntityManager,
  projectIds: readonly string[],
): Promise<(EnvironmentRow | null)[]> => {
  const found = await rows(em)
    .selectFrom('Environment')
    .distinctOn('projectId')
    .selectAll()
    .where('projectId', 'in', [...projectIds])
    .orderBy('projectId')
    .orderBy('neededAt', 'desc')
    .execute()
  const byProject = new Map(found.map((environment) => [environment.projectId, environment]))
  return projectIds.map((id) => byProject.get(id) ?? null)
}
