import type { CandidateScore, OverruledDecision } from '../../domain/run/decision.entity.ts'
import { builder } from '../builder.ts'
import { DecisionMethodEnum, ProviderEnum } from '../enums.ts'
import { found } from '../found.ts'
import { ActorRef, CandidateRef, DecisionRef } from '../refs.ts'
import { visibleOfRun } from '../visible.ts'

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
  loadOne: async (id, context) => visibleOfRun(context, await context.load.decision.load(id)),
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
