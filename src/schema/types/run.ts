import type { CandidateRow } from '../../domain/run/candidate.entity.ts'
import type { CheckpointRow } from '../../domain/run/checkpoint.entity.ts'
import type { CandidateScore, OverruledDecision } from '../../domain/run/decision.entity.ts'
import type { CandidateMetrics } from '../../domain/run/read-metrics.ts'
import type { ToolCallRow } from '../../domain/run/tool-call.entity.ts'
import { globalId } from '../../domain/shared/global-id.ts'
import { builder } from '../builder.ts'
import type { GraphQLContext } from '../context.ts'
import { DecisionMethodEnum, ProviderEnum, RunStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import {
  ActorRef,
  AgentRunRef,
  CandidateRef,
  DecisionRef,
  ProjectRef,
  SafetyEvaluationRef,
  SprintRef,
  TestRunRef,
} from '../refs.ts'
import { visible } from '../visible.ts'
import { longText, megabytes, partOfMegabytes } from '../weight.ts'
import { BudgetRef, limiting, UsageRef } from './usage.ts'

const projectOfRun = async ({ load }: GraphQLContext, runId: string | undefined) =>
  runId === undefined ? undefined : (await load.run.load(runId))?.projectId

const CandidateMetricsRef = builder.objectRef<CandidateMetrics>('CandidateMetrics').implement({
  description: "What a candidate's work took.",
  fields: (t) => ({
    durationMs: t.exposeInt('durationMs'),
    inputTokens: t.exposeInt('inputTokens'),
    outputTokens: t.exposeInt('outputTokens'),
    costUsd: t.exposeFloat('costUsd', { nullable: true }),
    turns: t.exposeInt('turns', { description: 'Answers of the model, also those that were played back.' }),
    replayedTurns: t.exposeInt('replayedTurns', {
      description: 'Of these, the ones that the run it continues had bought. They cost nothing again.',
    }),
    toolCalls: t.exposeInt('toolCalls'),
    testsPassed: t.exposeInt('testsPassed', { nullable: true }),
    testsFailed: t.exposeInt('testsFailed', { nullable: true }),
  }),
})

export const CandidateErrorRef = builder.objectRef<CandidateRow>('CandidateError').implement({
  description: 'Why a candidate has no result.',
  fields: (t) => ({
    provider: t.field({ type: ProviderEnum, resolve: (candidate) => candidate.provider }),
    modelName: t.exposeString('modelName'),
    code: t.string({ resolve: (candidate) => candidate.failure?.code ?? 'unknown' }),
    message: t.string({ resolve: (candidate) => candidate.failure?.message ?? '' }),
    retryable: t.boolean({ resolve: (candidate) => candidate.failure?.retryable ?? false }),
  }),
})

export const ToolCallRef = builder.objectRef<ToolCallRow>('ToolCall').implement({
  description: 'One use of a tool.',
  fields: (t) => ({
    name: t.exposeString('name', { description: "As the model wrote it: it may not be a tool's." }),
    arguments: t.field({ type: 'JSON', extensions: partOfMegabytes, resolve: (call) => call.arguments }),
    result: t.exposeString('result', { description: 'What the model was told.', extensions: partOfMegabytes }),
    isError: t.exposeBoolean('isError'),
    replayed: t.exposeBoolean('replayed', {
      description: 'The result is that of the run which this one continues: nothing was done again.',
    }),
    durationMs: t.exposeInt('durationMs'),
  }),
})

builder.node(CandidateRef, {
  description: 'One provider at work on a run, in a workspace of its own.',
  id: { resolve: (candidate) => candidate.id },
  loadOne: async (id, context) => {
    const candidate = await context.load.candidate.load(id)
    return visible(context, candidate, await projectOfRun(context, candidate?.runId))
  },
  fields: (t) => ({
    provider: t.field({ type: ProviderEnum, resolve: (candidate) => candidate.provider }),
    rehearsal: t.exposeBoolean('rehearsal', { description: 'True when the built-in offline stand-in played it.' }),
    modelName: t.exposeString('modelName'),
    label: t.exposeString('label'),
    status: t.field({ type: RunStatusEnum, resolve: (candidate) => candidate.status }),
    output: t.exposeString('output', { nullable: true, description: 'What it said last.', extensions: longText }),
    toolCalls: t.field({
      type: [ToolCallRef],
      resolve: async (candidate, _, { load }) => [...(await load.toolCallsOf.load(candidate.id))],
    }),
    metrics: t.field({
      type: CandidateMetricsRef,
      resolve: (candidate, _, { load }) => load.metrics.load(candidate.id),
    }),
    patch: t.string({
      nullable: true,
      description: "From the run's start to what it made; null without a workspace.",
      extensions: megabytes,
      resolve: async (candidate, _, { load, services }) => {
        const run = found(await load.run.load(candidate.runId))
        if (run.startTree === null || candidate.tree === null) return null
        return services.git.patchBetween(run.projectId, run.startTree, candidate.tree)
      },
    }),
    tree: t.exposeString('tree', { nullable: true }),
    testRuns: t.field({
      type: [TestRunRef],
      description: 'Newest first.',
      resolve: async (candidate, _, { load }) => [...(await load.testRunsOfCandidate.load(candidate.id))],
    }),
    safety: t.field({
      type: SafetyEvaluationRef,
      nullable: true,
      description: 'Of its result on the base commit of its run or sprint; null before the decision.',
      resolve: (candidate, _, { load }) => load.safetyOfCandidate.load(candidate.id),
    }),
  }),
})

const CandidateScoreRef = builder.objectRef<CandidateScore>('CandidateScore').implement({
  description: 'How a candidate did, from 0 to 1.',
  fields: (t) => ({
    candidate: t.field({
      type: CandidateRef,
      resolve: async (score, _, { load }) => found(await load.candidate.load(score.candidateId)),
    }),
    score: t.exposeFloat('score'),
    reason: t.exposeString('reason'),
  }),
})

const OverruledDecisionRef = builder.objectRef<OverruledDecision>('OverruledDecision').implement({
  description: 'A decision that no longer holds.',
  fields: (t) => ({
    selected: t.field({
      type: CandidateRef,
      resolve: async (decision, _, { load }) => found(await load.candidate.load(decision.selectedId)),
    }),
    method: t.field({ type: DecisionMethodEnum, resolve: (decision) => decision.method }),
  }),
})

builder.node(DecisionRef, {
  description: 'Which candidate was chosen, how, and why.',
  id: { resolve: (decision) => decision.id },
  loadOne: async (id, context) => {
    const decision = await context.load.decision.load(id)
    return visible(context, decision, await projectOfRun(context, decision?.runId))
  },
  fields: (t) => ({
    selected: t.field({
      type: CandidateRef,
      resolve: async (decision, _, { load }) => found(await load.candidate.load(decision.selectedId)),
    }),
    merged: t.exposeBoolean('merged', { description: "An interview's questions taken from several candidates." }),
    method: t.field({ type: DecisionMethodEnum, resolve: (decision) => decision.method }),
    provider: t.field({
      type: ProviderEnum,
      nullable: true,
      description: 'Of the judge, when one was asked.',
      resolve: (decision) => decision.provider,
    }),
    modelName: t.exposeString('modelName', { nullable: true }),
    rationale: t.exposeString('rationale'),
    scores: t.field({ type: [CandidateScoreRef], resolve: (decision) => [...decision.scores] }),
    failure: t.exposeString('failure', { nullable: true, description: 'Why a judge that was asked did not decide.' }),
    overruled: t.field({
      type: OverruledDecisionRef,
      nullable: true,
      description: 'What had been decided before a person chose another candidate.',
      resolve: (decision) => decision.overruled,
    }),
    overruledBy: t.field({
      type: ActorRef,
      nullable: true,
      description: 'The person who chose.',
      resolve: (decision, _, { load }) =>
        decision.overruledById === null ? null : load.actor.load(decision.overruledById),
    }),
    overruledAt: t.field({ type: 'DateTime', nullable: true, resolve: (decision) => decision.overruledAt }),
  }),
})

export const CheckpointRef = builder.objectRef<CheckpointRow>('Checkpoint')
builder.node(CheckpointRef, {
  description: 'Where a run stood after a step: start, candidate:{label} or decision.',
  id: { resolve: (checkpoint) => checkpoint.id },
  loadOne: async (id, context) => {
    const checkpoint = await context.load.checkpoint.load(id)
    return visible(context, checkpoint, await projectOfRun(context, checkpoint?.runId))
  },
  fields: (t) => ({
    sequence: t.exposeInt('sequence'),
    label: t.exposeString('label'),
    state: t.field({
      type: 'JSON',
      description: 'The conversation up to here, at most a megabyte of it, and whose it is.',
      extensions: megabytes,
      resolve: ({ state }) => ({
        ...state,
        ...(state.candidateId !== undefined && {
          candidateId: globalId('Candidate', state.candidateId),
        }),
      }),
    }),
    tree: t.exposeString('tree', { description: 'The workspace.' }),
    run: t.field({
      type: AgentRunRef,
      resolve: async (checkpoint, _, { load }) => found(await load.run.load(checkpoint.runId)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (checkpoint) => checkpoint.createdAt }),
  }),
})

builder.node(AgentRunRef, {
  description: 'One prompt put to one or more providers, judged, with a checkpoint at every step.',
  id: { resolve: (run) => run.id },
  loadOne: async (id, context) => {
    const run = await context.load.run.load(id)
    return visible(context, run, run?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (run, _, { load }) => found(await load.project.load(run.projectId)),
    }),
    sprint: t.field({
      type: SprintRef,
      nullable: true,
      description: 'Null for a run of its own, and for an interview.',
      resolve: (run, _, { load }) => (run.sprintId === null ? null : load.sprint.load(run.sprintId)),
    }),
    status: t.field({ type: RunStatusEnum, resolve: (run) => run.status }),
    workspaceRef: t.string({
      description: 'The tree that every candidate started from; empty without a workspace.',
      resolve: (run) => run.startTree ?? '',
    }),
    message: t.exposeString('message', { description: 'What the candidates were told.', extensions: longText }),
    input: t.field({
      type: 'JSON',
      description:
        'What it was started with besides the message: history, base commit, the caller’s metadata, and a note.',
      extensions: megabytes,
      resolve: ({ purpose, role, startTree, baseCommit, history, metadata, note }) => ({
        purpose,
        role,
        startTree,
        baseCommit,
        history,
        metadata,
        note,
      }),
    }),
    modelConfig: t.field({
      type: 'JSON',
      description: 'Who was asked, and who judges where the evidence does not decide.',
      resolve: (run) => ({ subagents: run.subagents, judge: run.judge }),
    }),
    failure: t.exposeString('failure', {
      nullable: true,
      description: 'Why it FAILED, with the reason of each candidate.',
    }),
    forkedFrom: t.field({
      type: CheckpointRef,
      nullable: true,
      description: 'Where another run stood when this one departed from it.',
      resolve: (run, _, { load }) => (run.forkedFromId === null ? null : load.checkpoint.load(run.forkedFromId)),
    }),
    forkLabel: t.exposeString('forkLabel', { nullable: true }),
    forkReason: t.exposeString('forkReason', { nullable: true }),
    budget: t.field({
      type: BudgetRef,
      nullable: true,
      description: 'Of a run outside a sprint. Each candidate may use an equal part of it.',
      resolve: async (run, _, { load }) =>
        run.budgetId === null ? null : limiting(await load.budget.load(run.budgetId)),
    }),
    createdBy: t.field({
      type: ActorRef,
      resolve: async (run, _, { load }) => found(await load.actor.load(run.createdById)),
    }),
    candidates: t.field({
      type: [CandidateRef],
      resolve: async (run, _, { load }) => [...(await load.candidatesOf.load(run.id))],
    }),
    decision: t.field({
      type: DecisionRef,
      nullable: true,
      resolve: async (run, _, { load }) => (await load.decisionsOf.load(run.id))[0] ?? null,
    }),
    checkpoints: t.field({
      type: [CheckpointRef],
      resolve: async (run, _, { load }) => [...(await load.checkpointsOf.load(run.id))],
    }),
    errors: t.field({
      type: [CandidateErrorRef],
      description: 'Of the candidates that have no result. One does not fail the run; all do.',
      resolve: async (run, _, { load }) =>
        (await load.candidatesOf.load(run.id)).filter((candidate) => candidate.failure !== null),
    }),
    usage: t.field({ type: UsageRef, resolve: (run, _, { load }) => load.usage('runId').load(run.id) }),
    durationMs: t.int({
      nullable: true,
      resolve: (run) => (run.finishedAt ? run.finishedAt.getTime() - run.createdAt.getTime() : null),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (run) => run.createdAt }),
  }),
})
