import {
  ApprovalRequiredError,
  BaseDriftError,
  BudgetExceededError,
  CapacityError,
  type DomainError,
  type FieldFault,
  ForbiddenError,
  InvalidTransitionError,
  ModelFailedError,
  NotFoundError,
  PatchRejectedError,
  RebaseConflictError,
  RemoteError,
  SandboxUnavailableError,
  SyntaxRejectedError,
  ValidationError,
} from '../domain/errors.ts'
import { builder } from './builder.ts'
import { PatchRejectionEnum, RoleEnum } from './enums.ts'
import { found } from './found.ts'
import { BudgetRef } from './types/usage.ts'

const DomainErrorInterface = builder.interfaceRef<DomainError>('DomainError').implement({
  description: 'What every error type has.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'A stable, upper-case word for programs.' }),
    message: t.exposeString('message', { description: 'What happened, where, and what to do next.' }),
  }),
})

const FieldErrorRef = builder.objectRef<FieldFault>('FieldError').implement({
  description: 'What is wrong with one field of the input.',
  fields: (t) => ({
    path: t.exposeStringList('path', { description: "Names and list positions from the input's root." }),
    message: t.exposeString('message'),
  }),
})

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input has a wrong value. Nothing was stored.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ fieldErrors: t.field({ type: [FieldErrorRef], resolve: (error) => [...error.fieldErrors] }) }),
})
builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'There is no such object, or the viewer cannot see it.',
  interfaces: [DomainErrorInterface],
})
builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  description: 'The viewer may not do this.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    requiredRole: t.field({ type: RoleEnum, nullable: true, resolve: (error) => error.requiredRole }),
  }),
})
builder.objectType(InvalidTransitionError, {
  name: 'InvalidTransitionError',
  description: 'The object is in a state from which this is not possible.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ from: t.exposeString('from'), to: t.exposeString('to') }),
})
builder.objectType(PatchRejectedError, {
  name: 'PatchRejectedError',
  description: 'The patch does not apply, is malformed, or leaves its repository. Nothing was stored.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    reason: t.field({ type: PatchRejectionEnum, resolve: (error) => error.reason }),
    path: t.exposeString('path', { nullable: true }),
    hunk: t.exposeInt('hunk', { nullable: true, description: 'Counts from 1 within the file.' }),
    details: t.exposeString('details', { description: "git's own words where it has any." }),
  }),
})
builder.objectType(SyntaxRejectedError, {
  name: 'SyntaxRejectedError',
  description: 'The resulting code does not parse.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    path: t.exposeString('path'),
    line: t.exposeInt('line', { nullable: true }),
    details: t.exposeString('details', { description: "The parser's own message, verbatim." }),
  }),
})
builder.objectType(BaseDriftError, {
  name: 'BaseDriftError',
  description: "The target branch has moved since the diff's base commit.",
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ expected: t.exposeString('expected'), actual: t.exposeString('actual') }),
})
builder.objectType(RebaseConflictError, {
  name: 'RebaseConflictError',
  description: 'The target branch and the change alter the same lines. Nothing was stored.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ paths: t.stringList({ resolve: (error) => [...error.paths] }) }),
})
builder.objectType(RemoteError, {
  name: 'RemoteError',
  description: "The branch here and the remote's have diverged, the remote cannot be reached, or it refused.",
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ details: t.exposeString('details', { description: "git's own words." }) }),
})
builder.objectType(SandboxUnavailableError, {
  name: 'SandboxUnavailableError',
  description:
    'Nothing that isolates untrusted code is there where tests are run. The message says what to install, and how.',
  interfaces: [DomainErrorInterface],
})
builder.objectType(ApprovalRequiredError, {
  name: 'ApprovalRequiredError',
  description: 'What was approved is not what would be committed, or approvals are missing.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({ missing: t.stringList({ resolve: (error) => [...error.missing] }) }),
})
builder.objectType(BudgetExceededError, {
  name: 'BudgetExceededError',
  description: 'A limit on money or tokens would be overshot. Nothing was sent.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    budget: t.field({
      type: BudgetRef,
      description: 'As it stands now.',
      resolve: async (error, _, { load }) => found(await load.budget.load(error.budgetId)),
    }),
  }),
})
builder.objectType(CapacityError, {
  name: 'CapacityError',
  description:
    'There is as much unfinished work as the server was configured to take, in the project or in all. Nothing was stored.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      nullable: true,
      description:
        'After about how long there will be room, going by how work has ended lately; null when nobody can say.',
    }),
  }),
})
builder.objectType(ModelFailedError, {
  name: 'ModelFailedError',
  description: 'A model did not do what it was asked for: it is down, refused, or answered something else.',
  interfaces: [DomainErrorInterface],
  fields: (t) => ({
    reason: t.exposeString('reason', {
      description:
        'A stable word: unreachable, overloaded, rate_limited, refused, malformed_answer, not_configured, ...',
    }),
  }),
})
