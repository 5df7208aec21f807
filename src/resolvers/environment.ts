import { setEnvironment } from '../domain/environment/set-environment.ts'
import { ForbiddenError, InvalidTransitionError, NotFoundError, ValidationError } from '../domain/errors.ts'
import { builder } from '../schema/builder.ts'
import { found } from '../schema/found.ts'
import { localId } from '../schema/ids.ts'
import { ProjectRef } from '../schema/refs.ts'

const EnvironmentInput = builder.inputType('EnvironmentInput', {
  description: 'Fields that are left out stay as they are; null or an empty list takes a field away.',
  fields: (t) => ({
    setupCommands: t.field({
      type: t.listRef(t.listRef('String')),
      description: 'At most 50, each a program with its arguments; a shell has to be named.',
    }),
    keyFiles: t.stringList({ description: 'Paths from the root, of files such as package-lock.json.' }),
    image: t.string({ description: 'For the docker driver: an image that is on the machine of its engine.' }),
  }),
})

builder.mutationField('setEnvironment', (t) =>
  t.field({
    type: ProjectRef,
    description:
      "Sets what tests need besides the project's files, and starts to build it for the branch's head: Project.environment has status and log. setupCommands run with network: ADMIN only, and never taken from a diff. The same fields again change nothing, but try a build again that FAILED.",
    args: {
      projectId: t.arg.id({ required: true }),
      environment: t.arg({ type: EnvironmentInput, required: true }),
    },
    errors: { types: [ValidationError, ForbiddenError, NotFoundError, InvalidTransitionError] },
    resolve: async (_root, { projectId, environment }, context) => {
      const id = await setEnvironment(context.services, context.viewer, localId('Project', projectId), environment)
      return found(await context.startOver().project.load(id))
    },
  }),
)
