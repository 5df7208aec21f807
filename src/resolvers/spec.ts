import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  ValidationError,
} from '../domain/errors.ts'
import { answerInterview } from '../domain/spec/answer-interview.ts'
import { createSpec } from '../domain/spec/create-spec.ts'
import { retryInterview } from '../domain/spec/retry-interview.ts'
import { builder } from '../schema/builder.ts'
import { InterviewModeEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { SpecRef } from '../schema/refs.ts'

const CreateSpecInput = builder.inputType('CreateSpecInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    task: t.string({ required: true, description: 'At most 100,000 characters.' }),
    title: t.string({ description: "The task's first line when left out." }),
    maxQuestions: t.int({ defaultValue: 5, description: '1 to 20.' }),
    mode: t.field({ type: InterviewModeEnum }),
    clientMutationId: t.string(),
  }),
})

const InterviewAnswerInput = builder.inputType('InterviewAnswerInput', {
  fields: (t) => ({ key: t.string({ required: true }), answer: t.string({ required: true }) }),
})

builder.mutationField('createSpec', (t) =>
  t.field({
    type: SpecRef,
    description: 'Stores the spec and starts its planning interview.',
    args: { input: t.arg({ type: CreateSpecInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, CapacityError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const id = await createSpec(context.services, context.viewer, given)
      return found(await context.startOver().spec.load(id))
    },
  }),
)

builder.mutationField('answerInterview', (t) =>
  t.field({
    type: SpecRef,
    description: 'Partial answers are kept; once every question is answered the spec is VALIDATED.',
    args: {
      specId: t.arg.id({ required: true }),
      answers: t.arg({ type: [InterviewAnswerInput], required: true }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { specId, answers }, context) => {
      const given = { specId: localId('Spec', specId), answers }
      const spec = await answerInterview(context.services, context.viewer, given)
      context.startOver().spec.prime(spec.id, spec)
      return spec
    },
  }),
)

builder.mutationField('retryInterview', (t) =>
  t.field({
    type: SpecRef,
    description: 'Starts a FAILED interview again.',
    args: { specId: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError, CapacityError] },
    resolve: async (_root, { specId }, context) => {
      const id = await retryInterview(context.services, context.viewer, localId('Spec', specId))
      return found(await context.startOver().spec.load(id))
    },
  }),
)
