import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  ValidationError,
} from '../domain/errors.ts'
import { approvePlan } from '../domain/sprint/approve-plan.ts'
import { cancelSprint } from '../domain/sprint/cancel-sprint.ts'
import { createSprint } from '../domain/sprint/create-sprint.ts'
import { retrySprint } from '../domain/sprint/retry-sprint.ts'
import { startSprint } from '../domain/sprint/start-sprint.ts'
import { updateSprint } from '../domain/sprint/update-sprint.ts'
import { builder } from '../schema/builder.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { BudgetInput, SubagentInput } from '../schema/inputs.ts'
import { SprintRef } from '../schema/refs.ts'

const CreateSprintInput = builder.inputType('CreateSprintInput', {
  fields: (t) => ({
    specId: t.id({ required: true }),
    name: t.string({ required: true }),
    goal: t.string({ description: "The spec's title when left out." }),
    requirePlanApproval: t.boolean({ defaultValue: false }),
    maxAttempts: t.int({ defaultValue: 3, description: 'How often Coding and Verification may repeat: 1 to 10.' }),
    deadlineSeconds: t.int({ description: '1800 when left out.' }),
    budget: t.field({ type: BudgetInput }),
    subagents: t.field({ type: [SubagentInput], description: 'One of each configured provider when left out.' }),
    judge: t.field({ type: SubagentInput }),
    clientMutationId: t.string(),
  }),
})

builder.mutationField('createSprint', (t) =>
  t.field({
    type: SprintRef,
    description: 'Plans the execution of a spec; startSprint starts it.',
    args: { input: t.arg({ type: CreateSprintInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const id = await createSprint(context.services, context.viewer, {
        ...input,
        specId: localId('Spec', input.specId),
      })
      return found(await context.startOver().sprint.load(id))
    },
  }),
)

builder.mutationField('startSprint', (t) =>
  t.field({
    type: SprintRef,
    description: 'Answers at once; the work reports through subscriptions.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError, CapacityError] },
    resolve: async (_root, args, context) => {
      const id = await startSprint(context.services, context.viewer, localId('Sprint', args.id))
      return found(await context.startOver().sprint.load(id))
    },
  }),
)

builder.mutationField('approvePlan', (t) =>
  t.field({
    type: SprintRef,
    description: 'Lets a sprint go on with its plan, or with an edited one.',
    args: { sprintId: t.arg.id({ required: true }), editedPlan: t.arg.string() },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { sprintId, editedPlan }, context) => {
      const id = await approvePlan(context.services, context.viewer, localId('Sprint', sprintId), editedPlan)
      return found(await context.startOver().sprint.load(id))
    },
  }),
)

builder.mutationField('cancelSprint', (t) =>
  t.field({
    type: SprintRef,
    description: 'Stops a sprint; what it has stored stays.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, args, context) => {
      const id = await cancelSprint(context.services, context.viewer, localId('Sprint', args.id))
      return found(await context.startOver().sprint.load(id))
    },
  }),
)

builder.mutationField('updateSprint', (t) =>
  t.field({
    type: SprintRef,
    description:
      'Changes the budget: both limits, none where left out; null takes it away, and left out altogether it stays. A raised budget lets a stopped sprint be retried; candidates at work get their parts of it at once.',
    args: { id: t.arg.id({ required: true }), budget: t.arg({ type: BudgetInput }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await updateSprint(context.services, context.viewer, localId('Sprint', args.id), args.budget)
      return found(await context.startOver().sprint.load(id))
    },
  }),
)

builder.mutationField('retrySprint', (t) =>
  t.field({
    type: SprintRef,
    description:
      'Takes up a sprint that FAILED or was CANCELED, from the last phase that succeeded. What its candidates bought before is played back and not bought again. After a verification that failed in all attempts there is one attempt more.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError, CapacityError] },
    resolve: async (_root, args, context) => {
      const id = await retrySprint(context.services, context.viewer, localId('Sprint', args.id))
      return found(await context.startOver().sprint.load(id))
    },
  }),
)
