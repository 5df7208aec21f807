import { z } from 'zod'
import { command, safePath } from '../testing/test-case-input.ts'
import { imageName } from './image-name.ts'

/** What an ADMIN said a project's tests need beside its files. */
export interface EnvironmentDefinition {
  /** Programs with their arguments, run one after the other. None: nothing is set up. */
  readonly setupCommands: readonly (readonly string[])[]
  /** Files of the base that the commands see; when one of them changes, the commands are run again. */
  readonly keyFiles: readonly string[]
  /** For the docker driver; null is the configured one. */
  readonly image: string | null
}

export const noEnvironment: EnvironmentDefinition = { setupCommands: [], keyFiles: [], image: null }

export const environmentInput = z.object({
  setupCommands: z.array(command).max(50, 'must have at most 50 commands').nullish(),
  keyFiles: z
    .array(safePath)
    .max(100, 'must have at most 100 paths')
    .refine((paths) => new Set(paths).size === paths.length, 'names a path twice')
    .nullish(),
  image: z.string().regex(imageName, 'must name an image, like node:24-bookworm').nullish(),
})

/** The definition with the given fields changed: null takes a field away, as an empty list does. */
export const changeDefinition = (
  before: EnvironmentDefinition,
  given: z.output<typeof environmentInput>,
): EnvironmentDefinition => ({
  setupCommands: given.setupCommands === undefined ? before.setupCommands : (given.setupCommands ?? []),
  keyFiles: given.keyFiles === undefined ? before.keyFiles : (given.keyFiles ?? []),
  image: given.image === undefined ? before.image : given.image,
})
