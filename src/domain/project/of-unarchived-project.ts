import { sql } from 'kysely'

/** The same for a statement that is written out. */
export const inUnarchivedProject = 'project_id in (select id from project where archived_at is null)'

/** That the project of a row is in use: nobody can act on what an archived one has. For any table with a project. */
export const ofUnarchivedProject = sql<boolean>`${sql.raw(inUnarchivedProject)}`
