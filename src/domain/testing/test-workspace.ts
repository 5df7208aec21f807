import type { SandboxWorkspace } from '../ports/sandbox.ts'
import type { Services } from '../shared/services.ts'
import type { TestSubject } from './run-test-case.ts'

/** Farther than this from its base, a tree has a checkout of its own. */
const near = { files: 500, bytes: 32 * 1024 * 1024 }

/**
 * Lays out what a test works on: the base tree's shared files, what the tested tree has otherwise, and then the files that
 * come with the test. It costs as much as they differ in.
 */
export const withTestWorkspace = async <Result>(
  { git, checkouts }: Pick<Services, 'git' | 'checkouts'>,
  { projectId, tree, baseTree, overlay = [], files }: TestSubject,
  use: (workspace: SandboxWorkspace) => Promise<Result>,
): Promise<Result> => {
  const changes = await git.treeChanges(projectId, baseTree, tree, near)
  const own = files.map(({ path, text }) => ({ path, content: text }))
  return await checkouts.with(projectId, changes === null ? tree : baseTree, (base) =>
    use({ base, changes: [...(changes ?? []), ...overlay, ...own] }),
  )
}
