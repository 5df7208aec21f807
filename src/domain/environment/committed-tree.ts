import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/**
 * The tree whose key files count for work that begins at a commit: its own where the target branch has it, and otherwise
 * that of the branch's head. What nobody has committed decides nothing about commands that run with network.
 */
export const committedTree = async (
  services: Pick<Services, 'em' | 'git'>,
  projectId: string,
  commit: string | null,
): Promise<string> => {
  const { targetBranch, headCommit } = await rows(services.em())
    .selectFrom('Project')
    .select(['targetBranch', 'headCommit'])
    .where('id', '=', projectId)
    .executeTakeFirstOrThrow()
  const isCommitted =
    commit !== null && targetBranch !== null && (await services.git.branchContains(projectId, targetBranch, commit))
  const counts = isCommitted ? commit : headCommit
  if (counts === null) throw new Error(`The project ${projectId} has no commit yet.`)
  return services.git.treeOf(projectId, counts)
}
