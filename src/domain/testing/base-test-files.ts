import type { WorkspaceChange } from '../ports/sandbox.ts'
import type { Services } from '../shared/services.ts'
import { isTestPath } from './is-test-path.ts'
import type { TestRunRow } from './test-run.entity.ts'

const linkMode = '120000'

/** What turns the files that are tests, or decide how tests run, into the base's: its versions, and no others. */
export const baseTestFiles = async (
  services: Services,
  run: Pick<TestRunRow, 'projectId' | 'tree' | 'baseTree'>,
): Promise<readonly WorkspaceChange[]> => {
  const { git } = services
  const testFiles = async (tree: string) =>
    (await git.listFiles(run.projectId, tree)).filter(
      ({ path, kind, mode }) => isTestPath(path) && kind === 'blob' && mode !== linkMode,
    )
  const ofBase = await testFiles(run.baseTree)
  const kept = new Set(ofBase.map(({ path }) => path))
  const files: WorkspaceChange[] = []
  for (const { path } of await testFiles(run.tree)) if (!kept.has(path)) files.push({ path, content: null })
  for (const { path } of ofBase) {
    const file = await git.readFile(run.projectId, run.baseTree, path)
    if (file) files.push({ path, content: file.content, isExecutable: file.mode === '100755' })
  }
  return files
}
