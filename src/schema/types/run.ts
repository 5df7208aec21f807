import type { CheckpointRow } from '../../domain/run/checkpoint.entity.ts'
import { globalId } from '../../domain/shared/global-id.ts'
import { builder } from '../builder.ts'
import { RunStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, AgentRunRef, CandidateRef, DecisionRef, ProjectRef, SprintRef } from '../refs.ts'
import { visible, visibleOfRun } from '../visible.ts'
import { longText, megabytes } from '../weight.ts'
import { CandidateErrorRef } from './candidate.ts'
import { BudgetRef, limiting, UsageRef } from './usage.ts'

export const CheckpointRef = builder.objectRef<CheckpointRow>('Checkpoint')
builder.node(CheckpointRef, {
  description: 'Where a run stood after a step: start, candidate:{label} or decision.',
  id: { resolve: (checkpoint) => checkpoint.id },
  loadOne: async (id, context) => visibleOfRun(context, await context.load.checkpoint.load(id)),
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
