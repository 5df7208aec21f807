import { sql } from 'kysely'

/** That the project of a row is in use: nobody can act on what an archived one has. For any table with a project. */
export const ofUnarchivedProject = sql<boolean>`project_id in (select id from project where archived_at is null)`
