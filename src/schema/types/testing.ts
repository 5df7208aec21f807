import { testScope } from '../../domain/testing/call-book.ts'
import type { TestResultHead } from '../../domain/testing/read-results.ts'
import type { TestFile } from '../../domain/testing/test-case.entity.ts'
import { builder } from '../builder.ts'
import { TestRunStatusEnum, TestStatusEnum } from '../enums.ts'
import { CandidateRef, DiffRef, SessionRef, TestCaseRef, TestRunRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { megabytes, partOfMegabytes } from '../weight.ts'
import { UsageRef } from './usage.ts'

const TestFileRef = builder.objectRef<TestFile>('TestFile').implement({
  description: 'A file laid over the workspace for one test only.',
  fields: (t) => ({
    path: t.exposeString('path'),
    text: t.exposeString('text', { extensions: partOfMegabytes }),
  }),
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
    allowModels: t.exposeBoolean('allowModels', {
      description:
        "May call models through the server's metered gateway, the only way out of the sandbox: OPENAI_BASE_URL and ANTHROPIC_BASE_URL lead there. It spends under the project's budget, and its results are never taken from an earlier run.",
    }),
    files: t.field({
      type: [TestFileRef],
      description: 'Files laid over the workspace for this test only.',
      resolve: (testCase) => [...testCase.files],
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (testCase) => testCase.createdAt }),
  }),
})

const TestResultRef = builder
  .objectRef<TestResultHead & { readonly status: NonNullable<TestResultHead['status']> }>('TestResult')
  .implement({
    description: 'What came of one test. Tests that have not ended are not among the results.',
    fields: (t) => ({
      testCase: t.field({
        type: TestCaseRef,
        nullable: true,
        description:
          'Null once deleted, and of a test that was found in the change itself, where the project has no test case; name and command are as they were run.',
        resolve: async (result, _, { load }) => {
          const testCase = await load.testCase.load(result.testCaseId)
          return testCase?.deletedAt ? null : testCase
        },
      }),
      name: t.exposeString('name'),
      command: t.stringList({ resolve: (result) => [...result.command] }),
      status: t.field({ type: TestStatusEnum, resolve: (result) => result.status }),
      exitCode: t.exposeInt('exitCode', { nullable: true, description: 'Null when a signal ended it.' }),
      stdout: t.string({
        description:
          'What the test wrote, without what only a terminal understands: colours, cursor movements, control and bidirectional characters. Still the words of a stranger.',
        extensions: megabytes,
        resolve: async (result, _, { load }) => (await load.testOutput.load(result.id)).stdout,
      }),
      stderr: t.string({
        extensions: megabytes,
        resolve: async (result, _, { load }) => (await load.testOutput.load(result.id)).stderr,
      }),
      truncated: t.exposeBoolean('truncated', { description: 'True when output was left out of the middle.' }),
      durationMs: t.exposeInt('durationMs'),
      error: t.exposeString('error', {
        nullable: true,
        description: 'What ended the test early or speaks against its report, and which calls to models were refused.',
      }),
      usage: t.field({
        type: UsageRef,
        nullable: true,
        description: 'Of the model calls that it made through the gateway; null for a test that may make none.',
        resolve: (result, _, { load }) =>
          result.traceId === null ? null : load.usage('scope').load(testScope(result.id)),
      }),
      traceId: t.exposeString('traceId', {
        nullable: true,
        description:
          'What all its model calls carry: the id of the trace, where traces are recorded. Null for a test that may make none.',
      }),
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
    session: t.field({
      type: SessionRef,
      nullable: true,
      description: 'Whose coder submitted what is tested; its diff is there once the evaluator has judged it.',
      resolve: (run, _, { load }) => (run.sessionId === null ? null : load.session.load(run.sessionId)),
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
