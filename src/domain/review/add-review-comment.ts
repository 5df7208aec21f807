import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import type { DiffRow } from '../diff/diff.entity.ts'
import { pendingDiffStatuses } from '../diff/diff.status.ts'
import { lockDiff } from '../diff/find-diff.ts'
import { ForbiddenError, InvalidTransitionError } from '../errors.ts'
import { readerOf } from '../shared/reader.ts'
import { runStatement } from '../shared/run-statement.ts'
import { cut, safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { prepared } from '../shared/statement-marks.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { fieldFault, prose, validate } from '../shared/validate.ts'
import { sideLines } from './comment-lines.ts'
import { type CommentedSide, readCommentedSide } from './commented-side.ts'
import { diffSides, type ReviewCommentRow } from './review-comment.entity.ts'

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
  on: CommentedSide,
  { path, side, line }: Pick<z.output<typeof input>, 'path' | 'side' | 'line'>,
): Promise<string> => {
  if (!on.isOfDiff) throw fieldFault('path', 'is not a file of this diff')
  const lines = await sideLines(services, on, path, side)
  if (!lines)
    throw fieldFault('side', `there is no text file at this path ${side === 'BEFORE' ? 'before' : 'after'} the change`)
  const code = lines[line - 1]
  if (code === undefined) throw fieldFault('line', `must be 1 to ${lines.length}`)
  return safeText(cut(code, maxCodeCharacters))
}

// Under the lock of the diff: nobody adds another draft meanwhile.
const insertStatement = `${prepared('insert-review-comment')}
  insert into review_comment (id, diff_id, author_id, path, side, line, code, text, created_at)
  select $1::uuid, $2::uuid, $3::uuid, $4, $5, $6::int, $7, $8, $9::timestamptz where $10::int >
    (select count(*) from review_comment where diff_id = $2::uuid and author_id = $3::uuid and review_id is null)
  returning id`

const insert = async (tx: Transaction, row: ReviewCommentRow): Promise<void> => {
  const { id, diffId, authorId, path, side, line, code, text, createdAt } = row
  const values = [id, diffId, authorId, path, side, line, code, text, createdAt, maxDrafts]
  const inserted = await runStatement(tx.em, insertStatement, values)
  if (inserted.length > 0) return
  throw fieldFault('diffId', `${maxDrafts} drafts of yours are on this diff already: send them first`)
}

/**
 * Drafts a remark on a line of one of the diff's files. Nobody else sees it until its author's next review sends it.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const addReviewComment = async (
  services: Services,
  viewer: Viewer,
  given: AddReviewCommentInput,
): Promise<ReviewCommentRow> => {
  const checked = validate(input, given)
  requirePerson(viewer)
  const on = await readCommentedSide(readerOf(services), viewer, checked, 'REVIEWER')
  requireCommentable(on)
  const code = await codeAt(services, on, checked)
  return transact(services, async (tx) => {
    requireCommentable(await lockDiff(tx, viewer, on, 'REVIEWER'))
    const id = randomUUID()
    const row = { id, ...checked, authorId: viewer.actor.id, reviewId: null, code, createdAt: tx.now }
    await insert(tx, row)
    return row
  })
}
