import { posix } from 'node:path'
import type { SandboxDriver } from '../ports/sandbox.ts'
import type { ProjectRow } from '../project/project.entity.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import type { Services } from '../shared/services.ts'
import type { KeyFile } from './environment.entity.ts'

/** Raised when the same commands on the same files would be run in another way: layers by other rules are not used. */
const setUpRules = 1

/** What identifies an environment, and all that is needed to build it. */
export interface WantedEnvironment {
  readonly projectId: string
  readonly hash: string
  readonly setupCommands: readonly (readonly string[])[]
  readonly keyFiles: readonly KeyFile[]
  readonly image: string | null
  readonly driver: SandboxDriver
}

const linkMode = '120000'

/** What a tree has at each path. A link counts as no file: what it names is not read. */
const keyFilesIn = async (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  tree: string,
  paths: readonly string[],
): Promise<readonly KeyFile[]> => {
  const files: KeyFile[] = []
  const byDirectory = Map.groupBy(paths, (path) => {
    const directory = posix.dirname(path)
    return directory === '.' ? '' : directory
  })
  for (const [directory, wanted] of byDirectory) {
    const entries = await git.entries(projectId, tree, directory)
    for (const path of wanted) {
      const entry = entries.find((found) => found.path === path && found.kind === 'blob' && found.mode !== linkMode)
      files.push({ path, objectId: entry?.objectId ?? null, mode: entry?.mode ?? null })
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * The environment that runs on this base tree need; null for a project that sets nothing up. It depends on the base
 * alone: what a diff makes of the key files does not count.
 */
export const wantedEnvironment = async (
  services: Pick<Services, 'git' | 'sandbox'>,
  project: Pick<ProjectRow, 'id' | 'environment'>,
  baseTree: string,
): Promise<WantedEnvironment | null> => {
  const { setupCommands, keyFiles: paths, image } = project.environment
  if (setupCommands.length === 0) return null
  const wanted = {
    projectId: project.id,
    setupCommands,
    keyFiles: await keyFilesIn(services, project.id, baseTree, paths),
    image: image ?? services.sandbox.image ?? null,
    driver: services.sandbox.driver,
  }
  return { ...wanted, hash: canonicalHash({ ...wanted, setUpRules }) }
}
