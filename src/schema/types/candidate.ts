import type { CandidateRow } from '../../domain/run/candidate.entity.ts'
import type { CandidateMetrics } from '../../domain/run/read-metrics.ts'
import { builder } from '../builder.ts'
import { ProviderEnum, RunStatusEnum } from '../enums.ts'
import { found } from '../found.ts'
import { CandidateRef, SafetyEvaluationRef, TestRunRef } from '../refs.ts'
import { visibleOfRun } from '../visible.ts'
import { longText, megabytes } from '../weight.ts'
import { ToolCallRef } from './tool-call.ts'

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

builder.node(CandidateRef, {
  description: 'One provider at work on a run, in a workspace of its own.',
  id: { resolve: (candidate) => candidate.id },
  loadOne: async (id, context) => visibleOfRun(context, await context.load.candidate.load(id)),
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
