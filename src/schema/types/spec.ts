import type { AgentRunRow } from '../../domain/run/agent-run.entity.ts'
import type { Assessment, InterviewQuestion, SpecRow } from '../../domain/spec/spec.entity.ts'
import type { SprintRow } from '../../domain/sprint/sprint.entity.ts'
import { builder } from '../builder.ts'
import { SprintConnection } from '../connections.ts'
import type { GraphQLContext } from '../context.ts'
import { ComplexityEnum, InterviewModeEnum, InterviewStatusEnum, SpecStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import { page } from '../pages.ts'
import { ActorRef, CandidateRef, DecisionRef, ProjectRef, SpecRef, SprintRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { longText } from '../weight.ts'
import { CandidateErrorRef } from './candidate.ts'

const AssessmentRef = builder.objectRef<Assessment>('Assessment').implement({
  description: 'What the interviewer makes of the task.',
  fields: (t) => ({
    complexity: t.field({ type: ComplexityEnum, resolve: (assessment) => assessment.complexity }),
    rationale: t.exposeString('rationale'),
    risks: t.stringList({ resolve: (assessment) => [...assessment.risks] }),
  }),
})

const InterviewQuestionRef = builder.objectRef<InterviewQuestion>('InterviewQuestion').implement({
  description: 'A question to the requester.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Names the question in answerInterview.' }),
    question: t.exposeString('question'),
    rationale: t.exposeString('rationale', { description: 'Why it is asked.' }),
    answer: t.exposeString('answer', { nullable: true }),
  }),
})

/** An interview that was tried again has several runs; the last one counts. */
const lastRun = async ({ load }: GraphQLContext, spec: SpecRow): Promise<AgentRunRow | undefined> =>
  (await load.runsOfSpec.load(spec.id)).filter((run) => run.purpose === 'INTERVIEW').at(-1)

const candidatesOf = async (context: GraphQLContext, spec: SpecRow) => {
  const run = await lastRun(context, spec)
  return run ? context.load.candidatesOf.load(run.id) : []
}

const InterviewRef = builder.objectRef<SpecRow>('Interview').implement({
  description: 'The planning interview: every provider proposes questions, a judge picks or merges.',
  fields: (t) => ({
    status: t.field({ type: InterviewStatusEnum, resolve: (spec) => spec.interviewStatus }),
    mode: t.field({ type: InterviewModeEnum, resolve: (spec) => spec.interviewMode }),
    questions: t.field({ type: [InterviewQuestionRef], resolve: (spec) => [...spec.questions] }),
    candidates: t.field({
      type: [CandidateRef],
      resolve: async (spec, _, context) => [...(await candidatesOf(context, spec))],
    }),
    errors: t.field({
      type: [CandidateErrorRef],
      resolve: async (spec, _, context) =>
        (await candidatesOf(context, spec)).filter((candidate) => candidate.failure !== null),
    }),
    decision: t.field({
      type: DecisionRef,
      nullable: true,
      resolve: async (spec, _, context) => {
        const run = await lastRun(context, spec)
        return run ? ((await context.load.decisionsOf.load(run.id))[0] ?? null) : null
      },
    }),
    failure: t.string({ nullable: true, resolve: (spec) => spec.interviewFailure }),
  }),
})

builder.node(SpecRef, {
  description: 'A task in words, with the interview that prepares it.',
  id: { resolve: (spec) => spec.id },
  loadOne: async (id, context) => {
    const spec = await context.load.spec.load(id)
    return visible(context, spec, spec?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (spec, _, { load }) => found(await load.project.load(spec.projectId)),
    }),
    title: t.exposeString('title'),
    task: t.exposeString('task', { extensions: longText }),
    status: t.field({ type: SpecStatusEnum, resolve: (spec) => spec.status }),
    assessment: t.field({ type: AssessmentRef, nullable: true, resolve: (spec) => spec.assessment }),
    interview: t.field({ type: InterviewRef, resolve: (spec) => spec }),
    sprints: t.connection(
      {
        type: SprintRef,
        description: 'Newest first.',
        resolve: (spec, args, { load }) =>
          page<SprintRow>(
            load.page,
            { table: 'Sprint', owner: { property: 'specId', id: spec.id }, order: 'desc' },
            args,
          ),
      },
      SprintConnection,
    ),
    createdBy: t.field({
      type: ActorRef,
      resolve: async (spec, _, { load }) => found(await load.actor.load(spec.createdById)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (spec) => spec.createdAt }),
  }),
})
