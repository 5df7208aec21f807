import type { EntityManager } from '@mikro-orm/postgresql'
import type { EventSubject } from '../event/event.ts'
import { rows } from '../shared/database.ts'
import type { TestRunRow } from './test-run.entity.ts'

type Owned = Pick<TestRunRow, 'projectId' | 'phaseId' | 'diffId' | 'sessionId'>

/** Where a test run's events belong: also to the sprint or session that its diff is of. */
export const testRunSubject = async (em: EntityManager, run: Owned): Promise<EventSubject> => {
  const read = rows(em)
  const phase = run.phaseId
    ? await read.selectFrom('Phase').select('sprintId').where('id', '=', run.phaseId).executeTakeFirst()
    : undefined
  const diff = run.diffId
    ? await read.selectFrom('Diff').select(['sprintId', 'sessionId']).where('id', '=', run.diffId).executeTakeFirst()
    : undefined
  return {
    projectId: run.projectId,
    sprintId: phase?.sprintId ?? diff?.sprintId ?? null,
    sessionId: run.sessionId ?? diff?.sessionId ?? null,
    diffId: run.diffId,
  }
}
