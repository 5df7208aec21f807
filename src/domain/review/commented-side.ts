import type { EntityManager } from '@mikro-orm/postgresql'
import { requireRoleWith } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { NotFoundError, type Role } from '../errors.ts'
import { runStatement } from '../shared/run-statement.ts'
import { prepared } from '../shared/statement-marks.ts'
import type { DiffSide } from './review-comment.entity.ts'

/** One side of a file, as a remark names it. */
interface Named {
  readonly diffId: string
  /** For BEFORE the name that the file had. */
  readonly path: string
  readonly side: DiffSide
}

/** Of the diff what tells whether such a remark may be made, and not its patches, which are megabytes in some. */
export interface CommentedSide extends Pick<DiffRow, 'id' | 'projectId' | 'status' | 'baseTree' | 'resultTree'> {
  readonly isOfDiff: boolean
}

const statement = `${prepared('commented-side')}select id, project_id as "projectId", status, base_tree as "baseTree",
    result_tree as "resultTree",
    exists (select from jsonb_array_elements(files) file where $2::text =
      case $3::text when 'BEFORE' then coalesce(file ->> 'previousPath', file ->> 'path') else file ->> 'path' end
    ) as "isOfDiff",
    (select role from membership where project_id = diff.project_id and actor_id = $4) as membership
  from diff where id = $1`

/**
 * Reads what a remark is to be made on, for a viewer with the role, and locks nothing.
 * @throws NotFoundError, ForbiddenError
 */
export const readCommentedSide = async (
  em: EntityManager,
  viewer: Viewer,
  { diffId, path, side }: Named,
  role: Role,
): Promise<CommentedSide> => {
  const [found] = await runStatement<CommentedSide & { readonly membership: Role | null }>(em, statement, [
    diffId,
    path,
    side,
    viewer.actor.id,
  ])
  if (!found) throw new NotFoundError('diff', diffId)
  requireRoleWith(viewer, found.membership, role, { noun: 'diff', id: diffId })
  return found
}
