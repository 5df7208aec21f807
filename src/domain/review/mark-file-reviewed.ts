import { requireProjectRole } from '../actor/access.ts'
import type { Viewer } from '../actor/viewer.ts'
import { NotFoundError } from '../errors.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault } from '../shared/validate.ts'
import { FileMark } from './file-mark.entity.ts'
import { changesOf, readHash } from './file-mark.ts'

export interface FileReviewed {
  readonly diffId: string
  /** As it is called after the change. */
  readonly path: string
  readonly reviewed: boolean
}

/**
 * Marks a file of a diff as reviewed, or takes the mark back. A mark is its maker's own: it says what they have read, is
 * no approval, and is for whoever may read the diff, in whatever state it is.
 * @throws NotFoundError, ValidationError for a path that the diff does not touch
 */
export const markFileReviewed = async (
  services: Services,
  viewer: Viewer,
  { diffId, path, reviewed }: FileReviewed,
): Promise<string> =>
  transact(services, async (tx) => {
    const diff = await rows(tx.em)
      .selectFrom('Diff')
      .select(['projectId', 'baseTree', 'files'])
      .where('id', '=', diffId)
      .executeTakeFirst()
    if (!diff) throw new NotFoundError('diff', diffId)
    await requireProjectRole(tx.em, viewer, diff.projectId, 'VIEWER', { noun: 'diff', id: diffId })
    const file = diff.files.find((each) => each.path === path)
    if (!file) throw fieldFault('path', 'is not a file of this diff')
    const changeId = (await changesOf(tx.em, [diffId])).get(diffId)
    if (changeId === undefined) throw new Error(`The change of the diff ${diffId} has no first iteration.`)
    const mark = { changeId, actorId: viewer.actor.id, path, readHash: readHash(file, diff.baseTree) }
    if (reviewed) {
      await tx.em.upsert(
        FileMark,
        { ...mark, markedAt: tx.now },
        { onConflictFields: ['changeId', 'actorId', 'path', 'readHash'], onConflictAction: 'ignore' },
      )
    } else await tx.em.nativeDelete(FileMark, mark)
    return diffId
  })
