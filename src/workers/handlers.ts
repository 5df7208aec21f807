import { pushCommit } from '../domain/commit/push-commit.ts'
import { settleCommit } from '../domain/commit/settle-commit.ts'
import { wordMessage } from '../domain/commit-message/word-message.ts'
import { autoRebase } from '../domain/diff/auto-rebase.ts'
import { buildEnvironment } from '../domain/environment/build-environment.ts'
import { removeEnvironment } from '../domain/environment/remove-environment.ts'
import { BaseDriftError } from '../domain/errors.ts'
import { maintainProject } from '../domain/maintenance/maintain-project.ts'
import { trimLogs } from '../domain/maintenance/trim-logs.ts'
import { prepareProject } from '../domain/project/prepare-project.ts'
import { advanceRun } from '../domain/run/advance-run.ts'
import { runCandidate } from '../domain/run/run-candidate.ts'
import { runSessionTurn } from '../domain/session/run-session-turn.ts'
import type { Services } from '../domain/shared/services.ts'
import { runInterview } from '../domain/spec/run-interview.ts'
import { advanceSprint } from '../domain/sprint/advance-sprint.ts'
import { runTests, type Slots } from '../domain/testing/run-tests.ts'
import { deliverWebhooks } from '../domain/webhook/deliver-webhooks.ts'
import { advanceRunJob } from '../jobs/advance-run.ts'
import { advanceSprintJob } from '../jobs/advance-sprint.ts'
import { autoRebaseJob } from '../jobs/auto-rebase.ts'
import { buildEnvironmentJob } from '../jobs/build-environment.ts'
import { deliverWebhooksJob } from '../jobs/deliver-webhooks.ts'
import type { Job } from '../jobs/job.ts'
import { maintainProjectJob } from '../jobs/maintain-project.ts'
import { prepareProjectJob } from '../jobs/prepare-project.ts'
import { pushCommitJob } from '../jobs/push-commit.ts'
import { refineMessageJob } from '../jobs/refine-message.ts'
import { removeEnvironmentJob } from '../jobs/remove-environment.ts'
import { runCandidateJob } from '../jobs/run-candidate.ts'
import { runInterviewJob } from '../jobs/run-interview.ts'
import { runSessionTurnJob } from '../jobs/run-session-turn.ts'
import { runTestsJob } from '../jobs/run-tests.ts'
import { settleCommitJob } from '../jobs/settle-commit.ts'
import { trimLogsJob } from '../jobs/trim-logs.ts'

/** A job with what does it. */
export interface Handler {
  readonly job: Job
  /** @param slots of the job's pool; without it the parts of a job are done one after the other */
  handle(services: Services, payload: unknown, stop: AbortSignal, slots?: Slots): Promise<void>
}

const implement = <Payload extends Readonly<Record<string, string>>>(
  job: Job<Payload>,
  work: (services: Services, payload: Payload, stop: AbortSignal, slots?: Slots) => Promise<void>,
): Handler => ({
  job,
  handle: (services, payload, stop, slots) => work(services, job.payload.parse(payload), stop, slots),
})

/** Every job there is, each with its one handler. */
export const handlers: readonly Handler[] = [
  implement(prepareProjectJob, (services, { projectId }, stop) => prepareProject(services, projectId, stop)),
  implement(runInterviewJob, (services, { specId }, stop) => runInterview(services, specId, stop)),
  implement(advanceSprintJob, (services, { sprintId }, stop) => advanceSprint(services, sprintId, stop)),
  implement(advanceRunJob, (services, { runId }, stop) => advanceRun(services, runId, stop)),
  implement(runCandidateJob, (services, { candidateId }, stop) => runCandidate(services, candidateId, stop)),
  implement(runSessionTurnJob, (services, { sessionId }, stop) => runSessionTurn(services, sessionId, stop)),
  implement(runTestsJob, (services, { testRunId }, stop, slots) => runTests(services, testRunId, stop, slots)),
  implement(buildEnvironmentJob, (services, { environmentId }, stop) =>
    buildEnvironment(services, environmentId, stop),
  ),
  implement(removeEnvironmentJob, (services, { environmentId }, stop) =>
    removeEnvironment(services, environmentId, stop),
  ),
  implement(maintainProjectJob, (services, { projectId }, stop) => maintainProject(services, projectId, stop)),
  implement(trimLogsJob, (services, _, stop) => trimLogs(services, stop)),
  implement(pushCommitJob, (services, { diffId }, stop) => pushCommit(services, diffId, stop)),
  implement(deliverWebhooksJob, (services, { webhookId }, stop) => deliverWebhooks(services, webhookId, stop)),
  implement(refineMessageJob, (services, { diffId }, stop) => wordMessage(services, diffId, stop)),
  implement(autoRebaseJob, (services, { diffId }, stop) => autoRebase(services, diffId, stop)),
  implement(settleCommitJob, async (services, { diffId }) => {
    try {
      await settleCommit(services, diffId)
    } catch (error) {
      // Settled all the same: the diff is back under review, and the person who commits is told.
      if (!(error instanceof BaseDriftError)) throw error
    }
  }),
]
