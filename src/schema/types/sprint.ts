import { planPath } from '../../domain/run/run-candidate.ts'
import { builder } from '../builder.ts'
import { PhaseKindEnum, SprintStatusEnum, StepStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import { AgentRunRef, DiffRef, PhaseRef, ProjectRef, SpecRef, SprintRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { longText, megabytes } from '../weight.ts'
import { FileContentRef } from './file.ts'
import { BudgetRef, limiting, UsageRef } from './usage.ts'

builder.node(PhaseRef, {
  description: "A sprint's step. Coding and Verification repeat until it holds or the attempts are used up.",
  id: { resolve: (phase) => phase.id },
  loadOne: async (id, context) => {
    const phase = await context.load.phase.load(id)
    const sprint = phase && (await context.load.sprint.load(phase.sprintId))
    return visible(context, phase, sprint?.projectId)
  },
  fields: (t) => ({
    kind: t.field({ type: PhaseKindEnum, resolve: (phase) => phase.kind }),
    attempt: t.exposeInt('attempt', { description: 'Counts from 1.' }),
    status: t.field({ type: StepStatusEnum, resolve: (phase) => phase.status }),
    summary: t.exposeString('summary', {
      nullable: true,
      description:
        'What was decided, or what went wrong. Of a Verification in a project without test cases: that nothing was tested.',
    }),
    runs: t.field({
      type: [AgentRunRef],
      resolve: async (phase, _, { load }) => [...(await load.runsOfPhase.load(phase.id))],
    }),
    startedAt: t.field({ type: 'DateTime', nullable: true, resolve: (phase) => phase.startedAt }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: (phase) => phase.finishedAt }),
  }),
})

builder.node(SprintRef, {
  description: 'The execution of a spec in phases.',
  id: { resolve: (sprint) => sprint.id },
  loadOne: async (id, context) => {
    const sprint = await context.load.sprint.load(id)
    return visible(context, sprint, sprint?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (sprint, _, { load }) => found(await load.project.load(sprint.projectId)),
    }),
    spec: t.field({
      type: SpecRef,
      resolve: async (sprint, _, { load }) => found(await load.spec.load(sprint.specId)),
    }),
    name: t.exposeString('name'),
    goal: t.exposeString('goal'),
    status: t.field({ type: SprintStatusEnum, resolve: (sprint) => sprint.status }),
    failure: t.exposeString('failure', { nullable: true }),
    requirePlanApproval: t.exposeBoolean('requirePlanApproval'),
    plan: t.exposeString('plan', {
      nullable: true,
      description: `${planPath}, from Discovery; the person may edit it before approving.`,
      extensions: longText,
    }),
    phases: t.field({
      type: [PhaseRef],
      description: 'In the order in which they began.',
      resolve: async (sprint, _, { load }) => [...(await load.phasesOf.load(sprint.id))],
    }),
    diff: t.field({
      type: DiffRef,
      nullable: true,
      description: "The last iteration's; null until Verification holds.",
      resolve: async (sprint, _, { load }) => (await load.diffsOfSprint.load(sprint.id))[0] ?? null,
    }),
    artifacts: t.field({
      type: [FileContentRef],
      description: 'What the phases wrote beside the change: the chosen plan.',
      extensions: megabytes,
      resolve: async (sprint, _, { load, services }) => {
        const discovery = (await load.phasesOf.load(sprint.id)).find((phase) => phase.kind === 'DISCOVERY')
        const run = discovery && (await load.runsOfPhase.load(discovery.id)).at(-1)
        const [decision] = run ? await load.decisionsOf.load(run.id) : []
        const chosen = decision && (await load.candidate.load(decision.selectedId))
        const file = chosen?.tree && (await services.git.readFile(sprint.projectId, chosen.tree, planPath))
        return file ? [file] : []
      },
    }),
    usage: t.field({ type: UsageRef, resolve: (sprint, _, { load }) => load.usage('sprintId').load(sprint.id) }),
    budget: t.field({
      type: BudgetRef,
      nullable: true,
      description: 'Candidates that work at the same time may use an equal part each of what is left of it.',
      resolve: async (sprint, _, { load }) => limiting(await load.budget.load(sprint.budgetId)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (sprint) => sprint.createdAt }),
    startedAt: t.field({ type: 'DateTime', nullable: true, resolve: (sprint) => sprint.startedAt }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: (sprint) => sprint.finishedAt }),
  }),
})
