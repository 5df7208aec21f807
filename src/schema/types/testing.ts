import type { TestFile } from '../../domain/testing/test-case.entity.ts'
import type { TestResultRow } from '../../domain/testing/test-run.entity.ts'
import { builder } from '../builder.ts'
import { TestRunStatusEnum, TestStatusEnum } from '../enums.ts'
import { CandidateRef, DiffRef, TestCaseRef, TestRunRef } from '../refs.ts'
import { visible } from '../visible.ts'

const TestFileRef = builder.objectRef<TestFile>('TestFile').implement({
  description: 'A file laid over the workspace for one test only.',
  fields: (t) => ({ path: t.exposeString('path'), text: t.exposeString('text') }),
})

builder.node(TestCaseRef, {
  description: 'A check that can be run on a diff.',
  id: { resolve: (testCase) => testCase.id },
  loadOne: async (id, context) => {
    const testCase = await context.load.testCase.load(id)
    return visible(context, testCase?.deletedAt ? null : testCase, testCase?.projectId)
  },
  fields: (t) => ({
    name: t.exposeString('name'),
    command: t.stringList({
      description: 'Program and arguments; never passed through a shell.',
      resolve: (testCase) => [...testCase.command],
    }),
    quick: t.exposeBoolean('quick', {
      description: 'Run by default, within 5 s unless it says otherwise; others within 30 s.',
    }),
    timeoutMs: t.exposeInt('timeoutMs'),
    files: t.field({
      type: [TestFileRef],
      description: 'Files laid over the workspace for this test only.',
      resolve: (testCase) => [...testCase.files],
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (testCase) => testCase.createdAt }),
  }),
})

const TestResultRef = builder
  .objectRef<TestResultRow & { readonly status: NonNullable<TestResultRow['status']> }>('TestResult')
  .implement({
    description: 'What came of one test. Tests that have not ended are not among the results.',
    fields: (t) => ({
      testCase: t.field({
        type: TestCaseRef,
        nullable: true,
        description: 'Null once deleted; name and command are as they were run.',
        resolve: async (result, _, { load }) => {
          const testCase = await load.testCase.load(result.testCaseId)
          return testCase?.deletedAt ? null : testCase
        },
      }),
      name: t.exposeString('name'),
      command: t.stringList({ resolve: (result) => [...result.command] }),
      status: t.field({ type: TestStatusEnum, resolve: (result) => result.status }),
      exitCode: t.exposeInt('exitCode', { nullable: true, description: 'Null when a signal ended it.' }),
      stdout: t.exposeString('stdout', {
        description: 'As the test wrote it: treat it as hostile, also on a terminal.',
      }),
      stderr: t.exposeString('stderr'),
      truncated: t.exposeBoolean('truncated', { description: 'True when output was left out of the middle.' }),
      durationMs: t.exposeInt('durationMs'),
      error: t.exposeString('error', { nullable: true }),
    }),
  })

builder.node(TestRunRef, {
  description: 'The tests of a diff, or of a candidate before the decision.',
  id: { resolve: (run) => run.id },
  loadOne: async (id, context) => {
    const run = await context.load.testRun.load(id)
    return visible(context, run, run?.projectId)
  },
  fields: (t) => ({
    diff: t.field({
      type: DiffRef,
      nullable: true,
      resolve: (run, _, { load }) => (run.diffId === null ? null : load.diff.load(run.diffId)),
    }),
    candidate: t.field({
      type: CandidateRef,
      nullable: true,
      resolve: (run, _, { load }) => (run.candidateId === null ? null : load.candidate.load(run.candidateId)),
    }),
    status: t.field({ type: TestRunStatusEnum, resolve: (run) => run.status }),
    cached: t.exposeBoolean('cached', {
      description: 'True when the results of an earlier run of the same content and tests were used.',
    }),
    sandbox: t.exposeString('sandbox', { description: '`none` means that the tests ran without isolation.' }),
    total: t.exposeInt('total'),
    passed: t.exposeInt('passed'),
    failed: t.exposeInt('failed'),
    results: t.field({
      type: [TestResultRef],
      resolve: async (run, _, { load }) =>
        (await load.resultsOf.load(run.id)).flatMap((result) =>
          result.status === null ? [] : [{ ...result, status: result.status }],
        ),
    }),
    durationMs: t.int({
      nullable: true,
      resolve: (run) => (run.startedAt && run.finishedAt ? run.finishedAt.getTime() - run.startedAt.getTime() : null),
    }),
    startedAt: t.field({ type: 'DateTime', nullable: true, resolve: (run) => run.startedAt }),
    finishedAt: t.field({ type: 'DateTime', nullable: true, resolve: (run) => run.finishedAt }),
  }),
})
