import { sql } from 'kysely'
import { advanceRunJob } from '../jobs/advance-run.ts'
import { advanceSprintJob } from '../jobs/advance-sprint.ts'
import { autoRebaseJob } from '../jobs/auto-rebase.ts'
import { buildEnvironmentJob } from '../jobs/build-environment.ts'
import type { Job } from '../jobs/job.ts'
import { prepareProjectJob } from '../jobs/prepare-project.ts'
import { pushCommitJob } from '../jobs/push-commit.ts'
import { refineMessageJob } from '../jobs/refine-message.ts'
import { runCandidateJob } from '../jobs/run-candidate.ts'
import { runInterviewJob } from '../jobs/run-interview.ts'
import { runSessionTurnJob } from '../jobs/run-session-turn.ts'
import { runTestsJob } from '../jobs/run-tests.ts'
import { settleCommitJob } from '../jobs/settle-commit.ts'

/** Work that the rows say is unfinished: which rows, under which lease, and the job that takes it up. */
export interface Unfinished {
  readonly job: Job
  readonly idName: string
  /** Ids whose work is unfinished and that nobody holds. */
  readonly find: ReturnType<typeof sql<{ id: string; taken: boolean }>>
}

const wasHeld = (kind: string) =>
  sql`exists (select 1 from lease where resource = ${`${kind}:`} || work.id::text) as taken`

const free = (kind: string) =>
  sql`not exists (select 1 from lease where resource = ${`${kind}:`} || work.id::text and until > now())`

/** Every kind of work that there is. */
export const unfinished: readonly Unfinished[] = [
  {
    job: prepareProjectJob as Job,
    idName: 'projectId',
    find: sql`select id::text, ${wasHeld('project')} from project work where status = 'CREATING' and ${free('project')}`,
  },
  {
    job: runInterviewJob as Job,
    idName: 'specId',
    find: sql`select id::text, ${wasHeld('spec')} from spec work where interview_status in ('QUEUED', 'RUNNING') and ${free('spec')}`,
  },
  {
    job: advanceSprintJob as Job,
    idName: 'sprintId',
    // One that waits for candidates or tests goes on when they end: they are looked for by themselves.
    find: sql`select id::text, ${wasHeld('sprint')} from sprint work where status = 'ACTIVE' and ${free('sprint')}
      and not exists (select 1 from candidate join agent_run on agent_run.id = candidate.run_id
        where agent_run.sprint_id = work.id and agent_run.purpose in ('DISCOVERY', 'CODING')
          and candidate.status in ('PENDING', 'RUNNING'))
      and not exists (select 1 from test_run join phase on phase.id = test_run.phase_id
        where phase.sprint_id = work.id and test_run.status in ('QUEUED', 'RUNNING'))`,
  },
  {
    job: advanceRunJob as Job,
    idName: 'runId',
    find: sql`select id::text, ${wasHeld('run')} from agent_run work
      where purpose = 'RUN' and status = 'RUNNING' and ${free('run')}
        and not exists (select 1 from candidate where run_id = work.id and status in ('PENDING', 'RUNNING'))
        and not exists (select 1 from test_run join candidate on candidate.id = test_run.candidate_id
          where candidate.run_id = work.id and test_run.status in ('QUEUED', 'RUNNING'))`,
  },
  {
    job: runCandidateJob as Job,
    idName: 'candidateId',
    find: sql`select work.id::text, ${wasHeld('candidate')} from candidate work join agent_run on agent_run.id = work.run_id
      where work.status in ('PENDING', 'RUNNING') and agent_run.purpose in ('DISCOVERY', 'CODING', 'RUN')
        and ${free('candidate')}`,
  },
  {
    job: runSessionTurnJob as Job,
    idName: 'sessionId',
    // One that waits for tests goes on when they end: they are looked for by themselves.
    find: sql`select id::text, ${wasHeld('session')} from session work where ${free('session')}
      and exists (select 1 from session_turn where session_id = work.id and status in ('WAITING', 'RUNNING'))
      and not exists (select 1 from test_run where session_id = work.id and status in ('QUEUED', 'RUNNING'))`,
  },
  {
    job: runTestsJob as Job,
    idName: 'testRunId',
    // One that waits for its environment goes on when that has ended.
    find: sql`select id::text, ${wasHeld('test-run')} from test_run work
      where status in ('QUEUED', 'RUNNING') and ${free('test-run')}
        and not exists (select 1 from environment
          where environment.id = work.environment_id and environment.status in ('PENDING', 'RUNNING'))`,
  },
  {
    job: buildEnvironmentJob as Job,
    idName: 'environmentId',
    find: sql`select id::text, ${wasHeld('environment')} from environment work
      where status in ('PENDING', 'RUNNING') and ${free('environment')}`,
  },
  {
    job: settleCommitJob as Job,
    idName: 'diffId',
    find: sql`select id::text, true as taken from diff work where status = 'COMMITTING'`,
  },
  {
    job: pushCommitJob as Job,
    idName: 'diffId',
    // One that failed waits for its time.
    find: sql`select id::text, ${wasHeld('push')} from (select diff_id as id, status, next_at from push) work
      where status = 'PENDING' and next_at <= now() and ${free('push')}`,
  },
  {
    job: refineMessageJob as Job,
    idName: 'diffId',
    find: sql`select id::text, ${wasHeld('refinement')} from diff work
      where refinement is not null and refinement ->> 'failure' is null and ${free('refinement')}`,
  },
  {
    job: autoRebaseJob as Job,
    idName: 'diffId',
    find: sql`select id::text, ${wasHeld('auto-rebase')} from diff work
      where auto_rebase is not null and auto_rebase ->> 'failure' is null and ${free('auto-rebase')}`,
  },
]
