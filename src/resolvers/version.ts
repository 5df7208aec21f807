import {
  ForbiddenError,
  NotFoundError,
  PatchRejectedError,
  SyntaxRejectedError,
  ValidationError,
} from '../domain/errors.ts'
import { createVersion } from '../domain/version/create-version.ts'
import { rollbackToVersion } from '../domain/version/rollback-to-version.ts'
import { builder } from '../schema/builder.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { DiffRef, VersionRef } from '../schema/refs.ts'

const CreateVersionInput = builder.inputType('CreateVersionInput', {
  description: "Of the target branch's head when neither a revision nor an archive is given.",
  fields: (t) => ({
    projectId: t.id({ required: true }),
    message: t.string({ required: true }),
    revision: t.string({ description: 'A branch, a tag, or a commit id of at least seven digits.' }),
    archive: t.field({
      type: 'File',
      description:
        'A tar or tar.gz archive (GraphQL multipart upload) of files and directories. A single directory at the top is left away, unless the archive names its own root (`tar -C directory .`).',
    }),
    clientMutationId: t.string({
      description:
        'The same one again answers with the object that the first call made, for as many days as the server keeps events.',
    }),
  }),
})

builder.mutationField('createVersion', (t) =>
  t.field({
    type: VersionRef,
    description: 'Keeps a snapshot of a workspace. No branch moves. AUTHOR and above.',
    args: { input: t.arg({ type: CreateVersionInput, required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError] },
    resolve: async (_root, { input }, context) => {
      const projectId = localId('Project', input.projectId)
      const archive = input.archive ? input.archive.stream() : undefined
      const id = await createVersion(context.services, context.viewer, { ...input, projectId, archive })
      return found(await context.startOver().version.load(id))
    },
  }),
)

builder.mutationField('rollbackToVersion', (t) =>
  t.field({
    type: DiffRef,
    description:
      "Proposes the change that brings the target branch back to the version's content: a diff like any other, to be reviewed and committed. AUTHOR and above.",
    args: { versionId: t.arg.id({ required: true }) },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, PatchRejectedError, SyntaxRejectedError] },
    resolve: async (_root, { versionId }, context) => {
      const id = await rollbackToVersion(context.services, context.viewer, localId('Version', versionId))
      return found(await context.startOver().diff.load(id))
    },
  }),
)
