import type { ProjectRow } from '../project/project.entity.ts'
import type { AgentRunRow } from '../run/agent-run.entity.ts'
import type { CallSite } from '../run/call-site.ts'
import type { CandidateRow } from '../run/candidate.entity.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { SpecRow } from '../spec/spec.entity.ts'
import type { PhaseRow } from './phase.entity.ts'
import type { SprintRow } from './sprint.entity.ts'
import type { Assignment } from './sprint-prompts.ts'

/** A sprint with what decides its next step. */
export interface SprintState {
  readonly sprint: SprintRow
  readonly spec: SpecRow
  readonly project: ProjectRow
  /** The current iteration's, oldest first. */
  readonly phases: readonly PhaseRow[]
}

/** A phase's newest run with its candidates in their order. */
export interface PhaseRun {
  readonly run: AgentRunRow
  readonly candidates: readonly CandidateRow[]
}

export const loadSprint = async (services: Services, sprintId: string): Promise<SprintState | undefined> => {
  const read = rows(services.em())
  const sprint = await read.selectFrom('Sprint').selectAll().where('id', '=', sprintId).executeTakeFirst()
  if (!sprint) return undefined
  const [spec, project, phases] = await Promise.all([
    read.selectFrom('Spec').selectAll().where('id', '=', sprint.specId).executeTakeFirstOrThrow(),
    read.selectFrom('Project').selectAll().where('id', '=', sprint.projectId).executeTakeFirstOrThrow(),
    read
      .selectFrom('Phase')
      .selectAll()
      .where('sprintId', '=', sprintId)
      .where('iteration', '=', sprint.iteration)
      .orderBy('createdAt')
      .execute(),
  ])
  return { sprint, spec, project, phases }
}

export const loadPhaseRun = async (services: Services, phaseId: string): Promise<PhaseRun | undefined> => {
  const read = rows(services.em())
  const run = await read
    .selectFrom('AgentRun')
    .selectAll()
    .where('phaseId', '=', phaseId)
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!run) return undefined
  const candidates = await read
    .selectFrom('Candidate')
    .selectAll()
    .where('runId', '=', run.id)
    .orderBy('position')
    .execute()
  return { run, candidates }
}

/** On whose behalf the sprint's own calls (judge, verifier) are made. */
export const sprintSite = (
  { sprint, project }: SprintState,
  runId: string,
): Omit<CallSite, 'agent' | 'scope' | 'candidateId'> => ({
  projectId: project.id,
  sprintId: sprint.id,
  runId,
  requestedById: sprint.createdById,
  iteration: sprint.iteration,
  budgetIds: [project.budgetId, sprint.budgetId],
})

/** What the agents of a phase are told. */
export const assignmentOf = ({ sprint, spec, phases }: SprintState, phase: PhaseRow): Assignment => {
  const failed = phases.find(
    (earlier) =>
      earlier.kind === 'VERIFICATION' && earlier.status === 'FAILED' && earlier.attempt === phase.attempt - 1,
  )
  return {
    task: spec.task,
    goal: sprint.goal,
    questions: spec.questions,
    plan: sprint.plan,
    feedback: sprint.feedback,
    failure: failed?.summary ? { attempt: failed.attempt, text: failed.summary } : null,
  }
}
