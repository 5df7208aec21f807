import { resolveOffsetConnection } from '@pothos/plugin-relay'
import type { DiffRow } from '../../domain/diff/diff.entity.ts'
import { formatCursor } from '../../domain/event/event-cursor.ts'
import { currentCursor } from '../../domain/event/read-events.ts'
import type { GitStore } from '../../domain/ports/git-store.ts'
import type { ProjectRow } from '../../domain/project/project.entity.ts'
import type { AgentRunRow } from '../../domain/run/agent-run.entity.ts'
import type { SessionRow } from '../../domain/session/session.entity.ts'
import type { SpecRow } from '../../domain/spec/spec.entity.ts'
import type { SprintRow } from '../../domain/sprint/sprint.entity.ts'
import { type ProposedTestCase, proposedTestCases } from '../../domain/testing/propose-test-cases.ts'
import type { TestCaseRow } from '../../domain/testing/test-case.entity.ts'
import type { VersionRow } from '../../domain/version/version.entity.ts'
import { builder } from '../builder.ts'
import {
  AgentRunConnection,
  CommitConnection,
  DiffConnection,
  SessionConnection,
  SpecConnection,
  SprintConnection,
  TestCaseConnection,
  VersionConnection,
} from '../connections.ts'
import { DiffStatusEnum, ProjectStatusEnum, SprintStatusEnum } from '../enums.ts'
import { maxPageSize, page } from '../pages.ts'
import {
  AgentRunRef,
  CommitRef,
  DiffRef,
  ProjectRef,
  SessionRef,
  SpecRef,
  SprintRef,
  TestCaseRef,
  VersionRef,
  WebhookRef,
} from '../refs.ts'
import { administered, visible } from '../visible.ts'
import { longList, megabytes } from '../weight.ts'
import { MembershipRef } from './actor.ts'
import { ApprovalPolicyRef } from './approval-policy.ts'
import { EnvironmentRef } from './environment.ts'
import { FileContentRef, TreeEntryRef } from './file.ts'
import { BudgetRef, limiting, UsageRef } from './usage.ts'

const ProposedTestCaseRef = builder.objectRef<ProposedTestCase>('ProposedTestCase').implement({
  description: 'A test case that a project could have, going by its files. It is none before it is made one.',
  fields: (t) => ({
    name: t.exposeString('name'),
    command: t.stringList({
      description: 'Program and arguments; never passed through a shell.',
      resolve: (proposed) => [...proposed.command],
    }),
    reason: t.exposeString('reason', { description: 'What in the tree speaks for it.' }),
  }),
})

/** The commit that a user's revision names; the head when none is given. Null when there is none. */
const commitAt = async (git: GitStore, project: ProjectRow, revision: string | null | undefined) =>
  revision == null ? project.headCommit : git.resolveCommit(project.id, revision)

builder.node(ProjectRef, {
  description: 'A bare git repository under management.',
  id: { resolve: (project) => project.id },
  loadOne: async (id, context) => {
    const project = await context.load.project.load(id)
    return visible(context, project, project?.id)
  },
  fields: (t) => ({
    name: t.exposeString('name'),
    status: t.field({ type: ProjectStatusEnum, resolve: (project) => project.status }),
    failure: t.exposeString('failure', { nullable: true, description: 'Why it could not be made.' }),
    targetBranch: t.string({
      description: "The branch that diffs are committed to; HEAD until a remote's default branch is known.",
      resolve: (project) => project.targetBranch ?? 'HEAD',
    }),
    headCommit: t.exposeString('headCommit', {
      nullable: true,
      description: 'Null until READY; an empty project starts with a root commit.',
    }),
    objectFormat: t.exposeString('objectFormat', { description: 'SHA1 or SHA256.' }),
    remoteUrl: t.exposeString('remoteUrl', { nullable: true }),
    hasRemoteCredential: t.boolean({ resolve: (project) => project.remoteCredential !== null }),
    pushOnCommit: t.exposeBoolean('pushOnCommit', { description: 'Whether each commit is pushed to the remote.' }),
    environment: t.field({
      type: EnvironmentRef,
      resolve: async (project, _, { load }) => ({
        definition: project.environment,
        latest: await load.latestEnvironment.load(project.id),
      }),
    }),
    members: t.field({
      type: [MembershipRef],
      resolve: async (project, _, { load }) => [...(await load.membershipsOf.load(project.id))],
    }),
    eventCursor: t.string({
      description: 'Where the event log stands now: read state, then subscribe after this.',
      resolve: async (_project, _, { load }) => formatCursor(await currentCursor(load.em())),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (project) => project.createdAt }),
    archivedAt: t.field({ type: 'DateTime', nullable: true, resolve: (project) => project.archivedAt }),
    entries: t.field({
      type: [TreeEntryRef],
      description: 'One directory; empty when there is none at the path.',
      extensions: longList,
      args: { path: t.arg.string({ defaultValue: '' }), revision: t.arg.string() },
      resolve: async (project, { path, revision }, { services }) => {
        const commit = await commitAt(services.git, project, revision)
        return commit ? [...(await services.git.entries(project.id, commit, path ?? ''))] : []
      },
    }),
    file: t.field({
      type: FileContentRef,
      nullable: true,
      extensions: megabytes,
      args: { path: t.arg.string({ required: true }), revision: t.arg.string() },
      resolve: async (project, { path, revision }, { services }) => {
        const commit = await commitAt(services.git, project, revision)
        return commit ? services.git.readFile(project.id, commit, path) : null
      },
    }),
    commits: t.connection(
      {
        type: CommitRef,
        description: 'Newest first.',
        args: { revision: t.arg.string() },
        resolve: async (project, { revision, ...args }, { services }) => {
          const commit = await commitAt(services.git, project, revision)
          return resolveOffsetConnection({ args, defaultSize: 50, maxSize: maxPageSize }, async ({ offset, limit }) => {
            if (!commit) return []
            const log = await services.git.log(project.id, commit, { skip: offset, limit })
            return log.map((info) => ({ ...info, projectId: project.id }))
          })
        },
      },
      CommitConnection,
    ),
    testCases: t.connection(
      {
        type: TestCaseRef,
        description: 'Oldest first.',
        resolve: (project, args, { load }) =>
          page<TestCaseRow>(
            load.page,
            { table: 'TestCase', owner: { property: 'projectId', id: project.id }, empty: ['deletedAt'], order: 'asc' },
            args,
          ),
      },
      TestCaseConnection,
    ),
    proposedTestCases: t.field({
      type: [ProposedTestCaseRef],
      extensions: megabytes,
      description:
        'Test cases that the head has the files for, going by its root: pytest or unittest, the test script of package.json, vitest, node --test. Those whose command is a test case already are left out. Give one to createTestCase to have it.',
      resolve: async (project, _, { services }) => [...(await proposedTestCases(services, project))],
    }),
    policy: t.field({ type: ApprovalPolicyRef, resolve: (project) => project.policy }),
    budget: t.field({
      type: BudgetRef,
      nullable: true,
      description:
        'One limit for all that works in the project, in no parts: who asks first is served, and all together never go beyond it. Budgets of runs and sprints are what gives candidates equal parts.',
      resolve: async (project, _, { load }) => limiting(await load.budget.load(project.budgetId)),
    }),
    usage: t.field({ type: UsageRef, resolve: (project, _, { load }) => load.usage('projectId').load(project.id) }),
    specs: t.connection(
      {
        type: SpecRef,
        description: 'Newest first.',
        resolve: (project, args, { load }) =>
          page<SpecRow>(
            load.page,
            { table: 'Spec', owner: { property: 'projectId', id: project.id }, order: 'desc' },
            args,
          ),
      },
      SpecConnection,
    ),
    sprints: t.connection(
      {
        type: SprintRef,
        description: 'Newest first.',
        args: { status: t.arg({ type: [SprintStatusEnum] }) },
        resolve: (project, { status, ...args }, { load }) =>
          page<SprintRow>(
            load.page,
            {
              table: 'Sprint',
              owner: { property: 'projectId', id: project.id },
              where: { status: status ?? null },
              order: 'desc',
            },
            args,
          ),
      },
      SprintConnection,
    ),
    runs: t.connection(
      {
        type: AgentRunRef,
        description: "Newest first: those of interviews and sprints too, unless only a run's own are asked for.",
        args: {
          ownOnly: t.arg.boolean({
            defaultValue: false,
            description: 'Only those of startRun and forkRun, outside interviews and sprints.',
          }),
        },
        resolve: (project, { ownOnly, ...args }, { load }) =>
          page<AgentRunRow>(
            load.page,
            {
              table: 'AgentRun',
              owner: { property: 'projectId', id: project.id },
              where: { purpose: ownOnly ? ['RUN'] : null },
              order: 'desc',
            },
            args,
          ),
      },
      AgentRunConnection,
    ),
    sessions: t.connection(
      {
        type: SessionRef,
        description: 'Newest first, without those that were deleted.',
        resolve: (project, args, { load }) =>
          page<SessionRow>(
            load.page,
            { table: 'Session', owner: { property: 'projectId', id: project.id }, empty: ['closedAt'], order: 'desc' },
            args,
          ),
      },
      SessionConnection,
    ),
    diffs: t.connection(
      {
        type: DiffRef,
        description: 'Newest first.',
        args: { status: t.arg({ type: [DiffStatusEnum] }) },
        resolve: (project, { status, ...args }, { load }) =>
          page<DiffRow>(
            load.page,
            {
              table: 'Diff',
              owner: { property: 'projectId', id: project.id },
              where: { status: status ?? null },
              order: 'desc',
            },
            args,
          ),
      },
      DiffConnection,
    ),
    versions: t.connection(
      {
        type: VersionRef,
        description: 'Newest first.',
        resolve: (project, args, { load }) =>
          page<VersionRow>(
            load.page,
            { table: 'Version', owner: { property: 'projectId', id: project.id }, order: 'desc' },
            args,
          ),
      },
      VersionConnection,
    ),
    webhooks: t.field({
      type: [WebhookRef],
      description: 'Oldest first. For an ADMIN of the project; empty for everybody else.',
      resolve: async (project, _, context) => {
        const webhooks = await context.load.webhooksOf.load(project.id)
        return [...((await administered(context, webhooks, project.id)) ?? [])]
      },
    }),
  }),
})
