import type { EnvironmentRow } from '../../domain/environment/environment.entity.ts'
import type { EnvironmentDefinition } from '../../domain/environment/environment-definition.ts'
import { builder } from '../builder.ts'
import { StepStatusEnum } from '../enums.ts'
import { megabytes } from '../weight.ts'

/** What a project's environment is to be, and the build that was last asked for. */
export interface ShownEnvironment {
  readonly definition: EnvironmentDefinition
  readonly latest: EnvironmentRow | null
}

export const EnvironmentRef = builder.objectRef<ShownEnvironment>('Environment').implement({
  description:
    "What tests need besides the project's files. setupCommands run once, with network, into a read-only layer that is kept under a hash of the commands and of keyFiles; tests then run on it without network.",
  fields: (t) => ({
    setupCommands: t.field({
      type: t.listRef(t.listRef('String')),
      description:
        'Programs with their arguments, run one after the other until one fails; never passed through a shell.',
      resolve: ({ definition }) => definition.setupCommands.map((words) => [...words]),
    }),
    keyFiles: t.stringList({
      description:
        'All that the commands see of the project. When the base has another version of one, they run again.',
      resolve: ({ definition }) => [...definition.keyFiles],
    }),
    image: t.string({
      nullable: true,
      description: 'For the docker driver, also without commands; null is the configured one.',
      resolve: ({ definition }) => definition.image,
    }),
    status: t.field({
      type: StepStatusEnum,
      description:
        'Of the build that was last asked for, by setEnvironment or by tests on another base. SUCCEEDED where there are no commands. While it is PENDING or RUNNING, tests wait for it; FAILED, tests are ERRORED.',
      resolve: ({ definition, latest }) =>
        definition.setupCommands.length === 0 ? 'SUCCEEDED' : (latest?.status ?? 'PENDING'),
    }),
    log: t.string({
      nullable: true,
      description:
        'Of that build: what the commands wrote, head and tail, as it stands; at its end why it failed. Null without commands. Without control characters.',
      extensions: megabytes,
      resolve: ({ definition, latest }) => (definition.setupCommands.length === 0 ? null : (latest?.log ?? '')),
    }),
  }),
})
