import { defineEntity, p } from '@mikro-orm/core'
import { Actor } from '../actor/actor.entity.ts'
import { Diff } from '../diff/diff.entity.ts'
import { Environment } from '../environment/environment.entity.ts'
import type { SandboxDriver } from '../ports/sandbox.ts'
import { Project } from '../project/project.entity.ts'
import { Candidate } from '../run/candidate.entity.ts'
import { Session } from '../session/session.entity.ts'
import type { Row } from '../shared/row.ts'
import { Phase } from '../sprint/phase.entity.ts'
import { TestCase } from './test-case.entity.ts'
import { TestDefinition } from './test-definition.entity.ts'
import type { TestRunStatus, TestStatus } from './test-run.status.ts'

/** WORKSPACE: the tree's own tests. BASE: the base's versions of the test files laid over the tree. */
export type TestBasis = 'WORKSPACE' | 'BASE'

export const TestRun = defineEntity({
  name: 'TestRun',
  properties: {
    id: p.uuid().primary(),
    projectId: () => p.manyToOne(Project).mapToPk().fieldName('project_id'),
    diffId: () => p.manyToOne(Diff).mapToPk().strictNullable().fieldName('diff_id').index(),
    candidateId: () => p.manyToOne(Candidate).mapToPk().strictNullable().fieldName('candidate_id').index(),
    phaseId: () => p.manyToOne(Phase).mapToPk().strictNullable().fieldName('phase_id').index(),
    /** Of a change that a session's coder submitted; its diff is there once the evaluator has judged it. */
    sessionId: () => p.manyToOne(Session).mapToPk().strictNullable().fieldName('session_id').index(),
    /** Who asked for it by name; null where it is a part of other work. */
    requestedById: () => p.manyToOne(Actor).mapToPk().strictNullable().fieldName('requested_by_id'),
    tree: p.text(),
    baseTree: p.text(),
    basis: p.text().$type<TestBasis>(),
    /** What its tests are given; null where the project sets nothing up, or it was not looked at yet. */
    environmentId: () => p.manyToOne(Environment).mapToPk().strictNullable().fieldName('environment_id').index(),
    status: p.text().$type<TestRunStatus>(),
    sandbox: p.text().$type<SandboxDriver>(),
    /** Every test is run, also one whose result is known. */
    force: p.boolean(),
    /** Every result is that of an earlier run. */
    cached: p.boolean(),
    total: p.integer(),
    passed: p.integer(),
    failed: p.integer(),
    createdAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
  indexes: [
    {
      name: 'test_run_open_index',
      expression: `create index "test_run_open_index" on "test_run" ("project_id") where status in ('QUEUED', 'RUNNING')`,
    },
  ],
})
export type TestRunRow = Row<typeof TestRun>

export const TestResult = defineEntity({
  name: 'TestResult',
  properties: {
    id: p.uuid().primary(),
    testRunId: () => p.manyToOne(TestRun).mapToPk().fieldName('test_run_id'),
    testCaseId: () => p.manyToOne(TestCase).mapToPk().fieldName('test_case_id'),
    position: p.integer(),
    name: p.text(),
    command: p.json().$type<readonly string[]>(),
    definitionHash: () => p.manyToOne(TestDefinition).mapToPk().fieldName('definition_hash'),
    /** What was run on what and where: equal keys, equal results. Null until the test has ended. */
    contentKey: p.text().strictNullable().index(),
    /** The result that this one repeats; null for a test that was run. */
    cachedFromId: () => p.manyToOne(TestResult).mapToPk().strictNullable().fieldName('cached_from_id'),
    /** Null until the test has ended. */
    status: p.text().$type<TestStatus>().strictNullable(),
    exitCode: p.integer().strictNullable(),
    stdout: p.text(),
    stderr: p.text(),
    truncated: p.boolean(),
    durationMs: p.integer(),
    error: p.text().strictNullable(),
    /** Of a test that may call models: what all its calls carry. */
    traceId: p.text().strictNullable(),
  },
  uniques: [{ name: 'test_result_position_unique', properties: ['testRunId', 'position'] }],
})
export type TestResultRow = Row<typeof TestResult>
