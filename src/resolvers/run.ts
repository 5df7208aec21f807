import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  PatchRejectedError,
  ValidationError,
} from '../domain/errors.ts'
import { cancelRun } from '../domain/run/cancel-run.ts'
import { forkRun } from '../domain/run/fork-run.ts'
import { proposeCandidate } from '../domain/run/propose-candidate.ts'
import { startRun } from '../domain/run/start-run.ts'
import { builder } from '../schema/builder.ts'
import { MessageRoleEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { BudgetInput, SubagentInput } from '../schema/inputs.ts'
import { AgentRunRef, DiffRef } from '../schema/refs.ts'

const HistoryMessageInput = builder.inputType('HistoryMessageInput', {
  description: 'Something that was said before.',
  fields: (t) => ({
    role: t.field({ type: MessageRoleEnum, required: true }),
    text: t.string({ required: true }),
  }),
})

const StartRunInput = builder.inputType('StartRunInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    message: t.string({ required: true, description: 'What the candidates are told.' }),
    budget: t.field({ type: BudgetInput, description: 'Each candidate may use an equal part of it.' }),
    history: t.field({
      type: [HistoryMessageInput],
      description: 'What was said before the message, oldest first. Begins with a message of the USER.',
    }),
    revision: t.string({
      description: "A branch, tag or commit to start from: the target branch's head when left out.",
    }),
    subagents: t.field({
      type: [SubagentInput],
      description: 'One of each configured provider when left out or empty.',
    }),
    judge: t.field({ type: SubagentInput, description: 'Asked about what the evidence leaves level.' }),
    metadata: t.field({ type: 'JSON', description: 'Your own; comes back in AgentRun.input.' }),
    clientMutationId: t.string(),
  }),
})

const ForkRunInput = builder.inputType('ForkRunInput', {
  fields: (t) => ({
    checkpointId: t.id({ required: true }),
    budget: t.field({ type: BudgetInput, description: 'Without one the fork is limited by its project alone.' }),
    label: t.string({ required: true, description: 'What the fork is called.' }),
    reason: t.string(),
    message: t.string({
      description:
        "From `start`: in place of the run's own. From a later checkpoint: said next; they are told to go on when it is left out.",
    }),
    subagents: t.field({
      type: [SubagentInput],
      description:
        "When left out or empty, from `start` all of the run's candidates as they were, later the one whose conversation it is. One with the same label plays back what its namesake did.",
    }),
    judge: t.field({ type: SubagentInput, description: "The run's own when left out." }),
    clientMutationId: t.string(),
  }),
})

builder.mutationField('startRun', (t) =>
  t.field({
    type: AgentRunRef,
    description: 'A run of its own, outside a sprint. Answers at once; RunChanged and CheckpointReached report.',
    args: { input: t.arg({ type: StartRunInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, CapacityError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const id = await startRun(context.services, context.viewer, given)
      return found(await context.startOver().run.load(id))
    },
  }),
)

builder.mutationField('forkRun', (t) =>
  t.field({
    type: AgentRunRef,
    description:
      "A new run outside a sprint that starts from a checkpoint's conversation and workspace, under another message, other instructions or models if given. What it asks and does as the other did is played back, and bought by nobody again.",
    args: { input: t.arg({ type: ForkRunInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, CapacityError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, checkpointId: localId('Checkpoint', input.checkpointId) }
      const id = await forkRun(context.services, context.viewer, given)
      return found(await context.startOver().run.load(id))
    },
  }),
)

builder.mutationField('cancelRun', (t) =>
  t.field({
    type: AgentRunRef,
    description: 'Stops a run outside a sprint; what it has stored stays, and can be forked.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, args, context) => {
      const id = await cancelRun(context.services, context.viewer, localId('AgentRun', args.id))
      return found(await context.startOver().run.load(id))
    },
  }),
)

builder.mutationField('proposeCandidate', (t) =>
  t.field({
    type: DiffRef,
    description:
      "Makes a diff of a candidate's work, also of one that was not selected: the run's decision is the viewer's then. The requester of the diff is whoever started the run. Asked again it gives the diff that there is, unless that was rejected or superseded.",
    args: {
      candidateId: t.arg.id({ required: true }),
      commitMessage: t.arg.string({ description: "Made of the candidate's last words when left out." }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError, PatchRejectedError] },
    resolve: async (_root, args, context) => {
      const candidateId = localId('Candidate', args.candidateId)
      const id = await proposeCandidate(context.services, context.viewer, candidateId, args.commitMessage)
      return found(await context.startOver().diff.load(id))
    },
  }),
)
