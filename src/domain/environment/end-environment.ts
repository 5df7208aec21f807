import { runTestsJob } from '../../jobs/run-tests.ts'
import { rows } from '../shared/database.ts'
import type { Transaction } from '../shared/transact.ts'
import type { StepStatus } from '../sprint/phase.status.ts'
import { toEnvironmentStatus } from './environment.status.ts'

interface LockedEnvironment {
  readonly id: string
  status: StepStatus
  failure?: string | null
  finishedAt?: Date | null
}

/** Ends the build of a locked environment, and takes up the test runs that wait for it. */
export const endEnvironment = async (
  tx: Transaction,
  environment: LockedEnvironment,
  status: 'SUCCEEDED' | 'FAILED' | 'CANCELED',
  failure: string | null,
): Promise<void> => {
  environment.status = toEnvironmentStatus(environment.status, status)
  environment.failure = failure
  environment.finishedAt = tx.now
  const waiting = await rows(tx.em)
    .selectFrom('TestRun')
    .select('id')
    .where('environmentId', '=', environment.id)
    .where('status', 'in', ['QUEUED', 'RUNNING'])
    .execute()
  for (const { id } of waiting) tx.enqueue(runTestsJob, { testRunId: id })
}
