import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import type { TestResultRow } from './test-run.entity.ts'

/** A result without what the test wrote: that may be two megabytes, and is read only where somebody asks for it. */
export type TestResultHead = Omit<TestResultRow, 'stdout' | 'stderr'>

/** The results of several test runs, each run's in the order of its tests; in one query. */
export const readResults = async (
  em: EntityManager,
  testRunIds: readonly string[],
): Promise<readonly (readonly TestResultHead[])[]> => {
  const found = await rows(em)
    .selectFrom('TestResult')
    .select(['id', 'testRunId', 'testCaseId', 'position', 'name', 'command', 'definitionHash', 'contentKey'])
    .select(['cachedFromId', 'status', 'exitCode', 'truncated', 'durationMs', 'error', 'traceId'])
    .where('testRunId', 'in', [...testRunIds])
    .orderBy('position')
    .execute()
  const byRun = Map.groupBy(found, ({ testRunId }) => testRunId)
  return testRunIds.map((id) => byRun.get(id) ?? [])
}

/** What the tests of several results wrote, in the order of the ids. */
export const readOutputs = async (
  em: EntityManager,
  resultIds: readonly string[],
): Promise<readonly Pick<TestResultRow, 'stdout' | 'stderr'>[]> => {
  const found = await rows(em)
    .selectFrom('TestResult')
    .select(['id', 'stdout', 'stderr'])
    .where('id', 'in', [...resultIds])
    .execute()
  const byId = new Map(found.map((output) => [output.id, output]))
  return resultIds.map((id) => byId.get(id) ?? { stdout: '', stderr: '' })
}
