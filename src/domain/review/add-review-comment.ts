import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { lockDiff, readDiff } from '../diff/find-diff.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import { cut, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault, prose, validate } from '../shared/validate.ts'
import { sideLines } from './comment-lines.ts'
import { diffSides, ReviewComment } from './review-comment.entity.ts'

const input = z.object({
  diffId: z.uuid(),
  path: z.string().min(1).max(4_096),
  side: z.enum(diffSides),
  line: z.number().int(),
  text: prose(20_000),
})
export type AddReviewCommentInput = z.input<typeof input>

const maxDrafts = 500
const maxCodeCharacters = 2_000

const requirePerson = ({ actor }: Viewer): void => {
  if (actor.kind !== 'HUMAN') throw new ForbiddenError('Only a person can review.')
}

const requireCommentable = ({ status }: Pick<DiffRow, 'status'>): void => {
  if (pendingDiffStatuses.includes(status)) return
  throw new InvalidTransitionError(
    'diff',
    status,
    'HUMAN_REVIEWING',
    'A remark is sent with a review, and this diff takes none.',
  )
}

/** The line that the remark is on. @throws ValidationError when the diff has no such line */
const codeAt = async (
  services: Services,
  diff: DiffRow,
  { path, side, line }: Pick<z.output<typeof input>, 'path' | 'side' | 'line'>,
): Promise<string> => {
  const file = diff.files.find((each) => (side === 'BEFORE' ? (each.previousPath ?? each.path) : each.path) === path)
  if (!file) throw fieldFault('path', 'is not a file of this diff')
  const lines = await sideLines(services, diff, path, side)
  if (!lines)
    throw fieldFault('side', `there is no text file at this path ${side === 'BEFORE' ? 'before' : 'after'} the change`)
  const code = lines[line - 1]
  if (code === undefined) throw fieldFault('line', `must be 1 to ${lines.length}`)
  return safeText(cut(code, maxCodeCharacters))
}

/**
 * Drafts a remark on a line of one of the diff's files. Nobody else sees it until its author's next review sends it.
 * @returns the remark's id
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const addReviewComment = async (
  services: Services,
  viewer: Viewer,
  given: AddReviewCommentInput,
): Promise<string> => {
  const checked = validate(input, given)
  requirePerson(viewer)
  const diff = await readDiff(services, viewer, checked.diffId, 'REVIEWER')
  requireCommentable(diff)
  const code = await codeAt(services, diff, checked)
  return transact(services, async (tx) => {
    requireCommentable(await lockDiff(tx, viewer, checked.diffId, 'REVIEWER'))
    const authorId = viewer.actor.id
    if ((await tx.em.count(ReviewComment, { diffId: diff.id, authorId, reviewId: null })) >= maxDrafts) {
      throw fieldFault('diffId', `${maxDrafts} drafts of yours are on this diff already: send them first`)
    }
    const id = randomUUID()
    tx.em.create(ReviewComment, { id, ...checked, authorId, code, createdAt: tx.now })
    return id
  })
}
