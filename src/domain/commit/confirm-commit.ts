import { ApprovalRequiredError, BaseDriftError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'

/**
 * Whoever decided on a commit is told how it ended, also when another process settled it first.
 * @param oid the commit that was decided on
 * @throws BaseDriftError, ApprovalRequiredError when it did not land
 */
export const confirmCommit = async ({ em, git }: Services, diffId: string, oid: string): Promise<void> => {
  const { commitOid, projectId, targetBranch, baseCommit } = await rows(em())
    .selectFrom('Diff')
    .select(['commitOid', 'projectId', 'targetBranch', 'baseCommit'])
    .where('id', '=', diffId)
    .executeTakeFirstOrThrow()
  if (commitOid === oid) return
  const head = await git.branchHead(projectId, targetBranch)
  if (head !== baseCommit) throw new BaseDriftError(targetBranch, baseCommit, head ?? 'nothing')
  throw new ApprovalRequiredError(['the branch had moved, and is back where it was: commit it again'])
}
