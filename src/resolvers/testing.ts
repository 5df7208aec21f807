import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  SandboxUnavailableError,
  ValidationError,
} from '../domain/errors.ts'
import { cancelTestRun } from '../domain/testing/cancel-test-run.ts'
import { deleteTestCase, updateTestCase } from '../domain/testing/change-test-case.ts'
import { createTestCase } from '../domain/testing/create-test-case.ts'
import { testDiff } from '../domain/testing/test-diff.ts'
import { builder } from '../schema/builder.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { TestCaseRef, TestRunRef } from '../schema/refs.ts'

const TestFileInput = builder.inputType('TestFileInput', {
  fields: (t) => ({ path: t.string({ required: true }), text: t.string({ required: true }) }),
})

const CreateTestCaseInput = builder.inputType('CreateTestCaseInput', {
  fields: (t) => ({
    projectId: t.id({ required: true }),
    name: t.string({ required: true }),
    command: t.stringList({ required: true, description: 'Program and arguments; never passed through a shell.' }),
    quick: t.boolean({ defaultValue: true }),
    timeoutMs: t.int(),
    allowModels: t.boolean({ defaultValue: false, description: 'May call models through the metered gateway.' }),
    files: t.field({ type: [TestFileInput] }),
    clientMutationId: t.string(),
  }),
})

const UpdateTestCaseInput = builder.inputType('UpdateTestCaseInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    command: t.stringList(),
    quick: t.boolean(),
    timeoutMs: t.int(),
    allowModels: t.boolean(),
    files: t.field({ type: [TestFileInput] }),
  }),
})

builder.mutationField('createTestCase', (t) =>
  t.field({
    type: TestCaseRef,
    args: { input: t.arg({ type: CreateTestCaseInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const given = { ...input, projectId: localId('Project', input.projectId) }
      const id = await createTestCase(context.services, context.viewer, given)
      return found(await context.startOver().testCase.load(id))
    },
  }),
)

builder.mutationField('updateTestCase', (t) =>
  t.field({
    type: TestCaseRef,
    description: 'Changes the given fields. Results that exist stay as they were run.',
    args: { input: t.arg({ type: UpdateTestCaseInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const id = await updateTestCase(context.services, context.viewer, { ...input, id: localId('TestCase', input.id) })
      return found(await context.startOver().testCase.load(id))
    },
  }),
)

builder.mutationField('deleteTestCase', (t) =>
  t.field({
    type: TestCaseRef,
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const id = await deleteTestCase(context.services, context.viewer, localId('TestCase', args.id))
      return found(await context.startOver().testCase.load(id))
    },
  }),
)

builder.mutationField('testDiff', (t) =>
  t.field({
    type: TestRunRef,
    description:
      'Runs these tests, or without testCaseIds all quick ones, on what the diff results in, whatever its status; where the project has no test case, those found in the result itself. Answers at once; the event TestRunChanged comes as each test ends. Results that are known of the same content and tests are taken as they are, and a run of the same tests that is under way is answered; force runs all of them again. Where no worker of the pool tests is running they wait for one: the component sandbox of health says so.',
    args: {
      diffId: t.arg.id({ required: true }),
      testCaseIds: t.arg.idList(),
      force: t.arg.boolean({ defaultValue: false }),
    },
    errors: {
      types: [
        ValidationError,
        ForbiddenError,
        NotFoundError,
        InvalidTransitionError,
        SandboxUnavailableError,
        CapacityError,
      ],
    },
    resolve: async (_root, { diffId, testCaseIds, force }, context) => {
      const id = await testDiff(context.services, context.viewer, {
        diffId: localId('Diff', diffId),
        testCaseIds: testCaseIds?.map((testCaseId) => localId('TestCase', testCaseId)) ?? null,
        force: force ?? false,
      })
      return found(await context.startOver().testRun.load(id))
    },
  }),
)

builder.mutationField('cancelTestRun', (t) =>
  t.field({
    type: TestRunRef,
    description:
      "Ends a diff's test run before its time: what runs is killed, and tests without a result are SKIPPED. Test runs of a sprint end with the sprint.",
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, args, context) => {
      const id = await cancelTestRun(context.services, context.viewer, localId('TestRun', args.id))
      return found(await context.startOver().testRun.load(id))
    },
  }),
)
