import { globalRole } from '../domain/actor/viewer.ts'
import {
  CapacityError,
  ForbiddenError,
  InvalidTransitionError,
  NotFoundError,
  RemoteError,
  ValidationError,
} from '../domain/errors.ts'
import { archiveProject } from '../domain/project/archive-project.ts'
import { createProject } from '../domain/project/create-project.ts'
import type { ProjectRow } from '../domain/project/project.entity.ts'
import { setApprovalPolicy } from '../domain/project/set-approval-policy.ts'
import { removeProjectMember, setProjectMember } from '../domain/project/set-member.ts'
import { syncProject } from '../domain/project/sync-project.ts'
import { updateProject } from '../domain/project/update-project.ts'
import { builder } from '../schema/builder.ts'
import { ProjectConnection } from '../schema/connections.ts'
import { CapabilityEnum, ObjectFormatEnum, RoleEnum } from '../schema/enums.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { BudgetInput } from '../schema/inputs.ts'
import { page } from '../schema/pages.ts'
import { ProjectRef } from '../schema/refs.ts'

builder.queryField('projects', (t) =>
  t.connection(
    {
      type: ProjectRef,
      description: 'The projects that the viewer can see, newest first.',
      args: { includeArchived: t.arg.boolean({ defaultValue: false }) },
      resolve: async (_root, { includeArchived, ...args }, { viewer, load }) => {
        const ids = globalRole(viewer) === null ? await load.visibleProjects() : null
        // An empty list of values would not be a condition that SQL takes.
        const where = { id: ids?.length === 0 ? ['00000000-0000-0000-0000-000000000000'] : ids }
        const empty = includeArchived ? [] : ['archivedAt']
        return page<ProjectRow>(load.page, { table: 'Project', where, empty, order: 'desc' }, args)
      },
    },
    ProjectConnection,
  ),
)

const RemoteCredentialInput = builder.inputType('RemoteCredentialInput', {
  description: 'Exactly one field. Stored encrypted, never given back.',
  isOneOf: true,
  fields: (t) => ({
    accessToken: t.string({
      description:
        'For remotes over https. Sent as the password of x-access-token, as GitHub and most others take it; `user:token` where a host wants another user name.',
    }),
    sshPrivateKey: t.string({ description: 'For remotes over ssh: the whole file of a key without a passphrase.' }),
  }),
})

const GitSourceInput = builder.inputType('GitSourceInput', {
  fields: (t) => ({
    url: t.string({ required: true, description: 'Without user name, password or token.' }),
    credential: t.field({ type: RemoteCredentialInput }),
  }),
})

const UpdateProjectInput = builder.inputType('UpdateProjectInput', {
  description: 'Fields that are left out stay as they are.',
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    targetBranch: t.string({ description: 'A branch of the repository. Diffs on the old one count as drifted.' }),
    remoteUrl: t.string({
      description:
        'Null removes the remote. With another host, port or protocol the stored credential is dropped, unless a new one is given.',
    }),
    remoteCredential: t.field({ type: RemoteCredentialInput, description: 'Null removes the stored one.' }),
    pushOnCommit: t.boolean({ description: 'Whether each commit is pushed to the remote; needs one.' }),
    budget: t.field({ type: BudgetInput, description: 'Replaces both limits. Null removes them.' }),
  }),
})

const ProjectSourceInput = builder.inputType('ProjectSourceInput', {
  description: 'Exactly one field.',
  isOneOf: true,
  fields: (t) => ({
    empty: t.boolean({ description: 'An empty repository.' }),
    template: t.string({ description: 'A built-in sample: agent-python, calculator-python or todo-typescript.' }),
    gitUrl: t.field({
      type: GitSourceInput,
      description: 'Cloned by the server; allowed schemes and hosts come from its configuration.',
    }),
    archive: t.field({
      type: 'File',
      description: 'A tar or tar.gz archive (GraphQL multipart upload); becomes the first commit.',
    }),
  }),
})

const EscalationRuleInput = builder.inputType('EscalationRuleInput', {
  description: 'Needs capabilities, paths or both.',
  fields: (t) => ({
    name: t.string({ required: true }),
    capabilities: t.field({ type: [CapabilityEnum], description: 'Any change on the paths when left out.' }),
    paths: t.stringList({ description: 'Globs; any path when left out.' }),
    requiredApprovals: t.int({ required: true }),
  }),
})

const AutoApproveRuleInput = builder.inputType('AutoApproveRuleInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    allowedCapabilities: t.field({
      type: [CapabilityEnum],
      description: 'The change may add none when left out.',
    }),
    paths: t.stringList({ description: 'Globs; any path when left out.' }),
    maxChangedLines: t.int({ description: 'Added and removed lines together; no limit when left out.' }),
    requirePassingTests: t.boolean({ description: 'false when left out.' }),
  }),
})

const ApprovalPolicyInput = builder.inputType('ApprovalPolicyInput', {
  description: 'Fields that are left out stay as they are. A list takes the place of the whole list.',
  fields: (t) => ({
    requiredApprovals: t.int(),
    allowSelfApproval: t.boolean(),
    requirePassingTests: t.boolean(),
    guardTests: t.boolean(),
    autoRebase: t.boolean(),
    agentsMayCommit: t.boolean(),
    blockedCapabilities: t.field({ type: [CapabilityEnum] }),
    protectedPaths: t.stringList({
      description:
        'Globs: * and ? within a name, ** alone between slashes for any directories, {a,b} for either. They begin at the root without a slash.',
    }),
    escalations: t.field({ type: [EscalationRuleInput] }),
    autoApprove: t.field({ type: [AutoApproveRuleInput] }),
  }),
})

const CreateProjectInput = builder.inputType('CreateProjectInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    source: t.field({ type: ProjectSourceInput, required: true }),
    targetBranch: t.string({ description: "main, or the remote's default branch, when left out." }),
    objectFormat: t.field({ type: ObjectFormatEnum, defaultValue: 'SHA1' }),
    policy: t.field({ type: ApprovalPolicyInput }),
    budget: t.field({ type: BudgetInput }),
    clientMutationId: t.string({
      description:
        'The same one again answers with the object that the first call made, for as many days as the server keeps events.',
    }),
  }),
})

builder.mutationField('createProject', (t) =>
  t.field({
    type: ProjectRef,
    description:
      'Answers at once with a project that is CREATING; it is READY once its repository is made. ADMIN only.',
    args: { input: t.arg({ type: CreateProjectInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, CapacityError] },
    resolve: async (_root, { input }, context) => {
      const { archive } = input.source
      const source = { ...input.source, archive: archive ? archive.stream() : undefined }
      const id = await createProject(context.services, context.viewer, { ...input, source })
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('updateProject', (t) =>
  t.field({
    type: ProjectRef,
    description: 'Changes the given fields of a READY project. ADMIN only.',
    args: { input: t.arg({ type: UpdateProjectInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { input }, context) => {
      const id = await updateProject(context.services, context.viewer, { ...input, id: localId('Project', input.id) })
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('syncProject', (t) =>
  t.field({
    type: ProjectRef,
    description:
      "Fetches the remote's target branch and follows it, forward only; diverged is a RemoteError. Where the remote is behind, pushes that failed are tried again. Answers when it is done, which can take minutes. REVIEWER or above.",
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError, RemoteError] },
    resolve: async (_root, args, context) => {
      const id = await syncProject(context.services, context.viewer, localId('Project', args.id))
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('archiveProject', (t) =>
  t.field({
    type: ProjectRef,
    description: 'Takes a project out of use; what it has is kept. ADMIN only.',
    args: { id: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, args, context) => {
      const id = await archiveProject(context.services, context.viewer, localId('Project', args.id))
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('setApprovalPolicy', (t) =>
  t.field({
    type: ProjectRef,
    description: 'Approvals that were given under the old policy no longer hold. ADMIN only.',
    args: { projectId: t.arg.id({ required: true }), policy: t.arg({ type: ApprovalPolicyInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { projectId, policy }, context) => {
      const id = await setApprovalPolicy(context.services, context.viewer, localId('Project', projectId), policy)
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('setProjectMember', (t) =>
  t.field({
    type: ProjectRef,
    description: 'Gives an actor a role on one project, beside what they have on all. ADMIN only.',
    args: {
      projectId: t.arg.id({ required: true }),
      actorId: t.arg.id({ required: true }),
      role: t.arg({ type: RoleEnum, required: true }),
    },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, { projectId, actorId, role }, context) => {
      const member = { projectId: localId('Project', projectId), actorId: localId('Actor', actorId), role }
      const id = await setProjectMember(context.services, context.viewer, member)
      return found(await context.startOver().project.load(id))
    },
  }),
)

builder.mutationField('removeProjectMember', (t) =>
  t.field({
    type: ProjectRef,
    args: { projectId: t.arg.id({ required: true }), actorId: t.arg.id({ required: true }) },
    errors: { types: [ForbiddenError, NotFoundError] },
    resolve: async (_root, args, context) => {
      const [projectId, actorId] = [localId('Project', args.projectId), localId('Actor', args.actorId)]
      const id = await removeProjectMember(context.services, context.viewer, projectId, actorId)
      return found(await context.startOver().project.load(id))
    },
  }),
)
