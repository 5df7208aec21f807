import { type GraphQLClient, RefusedError } from '../graphql-client.ts'
import { visibleLine } from '../render/visible-text.ts'
import { readHunkChoice } from './hunk-choice.ts'
import {
  addReviewComment,
  commitDiff,
  type DiffState,
  keepHunks,
  markFileReviewed,
  openReview,
  rebaseDiff,
  reviewDiff,
  testDiff,
  updateCommitMessage,
} from './operations.ts'
import { type DiffHead, readDiffHead, type ShownDiff, type ShownFile } from './shown-diff.ts'

/** What a verdict is given on. */
export type Seen = Pick<ShownDiff, 'id' | 'contentHash'> & {
  readonly safety: { readonly evaluationHash: string }
  /** Null where nobody says which message they saw. */
  readonly messageHash: string | null
}

/** Something that was done. */
export interface Done {
  readonly words: string
  /** The diff to look at now, which is another one where it was replaced. */
  readonly diffId: string
  readonly state: DiffState | null
}

/** What was shown is not what there is now. */
export class ChangedError extends Error {
  override readonly name = 'ChangedError'
}

/** What is another now than what was shown, in words; empty when an approval would be of the same. */
export const changedParts = (shown: DiffHead, now: DiffHead): readonly string[] => [
  ...(now.contentHash === shown.contentHash ? [] : ['its content']),
  ...(now.safety.evaluationHash === shown.safety.evaluationHash ? [] : ['its evaluation']),
  ...(now.commitMessage === shown.commitMessage ? [] : ['its commit message']),
  ...(now.baseCommit === shown.baseCommit ? [] : ['its base commit']),
]

/**
 * Compares what was shown with what there is. The server compares the hashes once more, in its transaction.
 * @throws ChangedError that names what is another now
 */
export const expectUnchanged = async (client: GraphQLClient, shown: DiffHead): Promise<void> => {
  const { node: now } = await client.query(readDiffHead, { id: shown.id })
  if (now === null) throw new ChangedError('The diff is not to be seen any more.')
  const changed = changedParts(shown, now)
  if (changed.length === 0) return
  throw new ChangedError(`While you read, ${changed.join(' and ')} changed. Nothing was sent; read it again.`)
}

// An evaluator's rejection is only overruled by a verdict, not by looking.
const openedByReading: readonly string[] = ['PROPOSED', 'EVALUATOR_APPROVED']

/** Marks that somebody looks at it. @returns what is to be said when they can only read it, else nothing. @throws RequestError */
export const markOpened = async (client: GraphQLClient, { id, status }: DiffHead): Promise<string> => {
  if (!openedByReading.includes(status)) return ''
  try {
    await client.mutate(openReview, { diffId: id })
    return ''
  } catch (error) {
    if (error instanceof RefusedError) return `You can read it, and no more: ${visibleLine(error.message)}`
    throw error
  }
}

const verdict = async (
  client: GraphQLClient,
  seen: Seen,
  status: string,
  verdictAndFeedback: { readonly verdict: 'APPROVE' | 'REJECT'; readonly feedback: string | null },
): Promise<DiffState> => {
  // What an evaluator rejected is only taken up again by opening it.
  if (status === 'EVALUATOR_REJECTED') await client.mutate(openReview, { diffId: seen.id })
  return client.mutate(reviewDiff, {
    diffId: seen.id,
    contentHash: seen.contentHash,
    evaluationHash: seen.safety.evaluationHash,
    messageHash: seen.messageHash,
    ...verdictAndFeedback,
  })
}

const stillNeeded = ({ approval: { satisfied, missing } }: DiffState): string =>
  satisfied ? 'It can be committed now.' : `Still needed: ${missing.map(visibleLine).join('; ')}.`

/** Approves exactly what was seen. @throws RefusedError, RequestError */
export const approve = async (client: GraphQLClient, seen: Seen, status: string): Promise<Done> => {
  const state = await verdict(client, seen, status, { verdict: 'APPROVE', feedback: null })
  return { words: `Approved. ${stillNeeded(state)}`, diffId: seen.id, state }
}

/** Rejects what was seen, with what has to change. @throws RefusedError, RequestError */
export const reject = async (client: GraphQLClient, seen: Seen, status: string, feedback: string): Promise<Done> => {
  const state = await verdict(client, seen, status, { verdict: 'REJECT', feedback })
  return { words: 'Rejected, with your feedback.', diffId: seen.id, state }
}

/** A line of a file, `after` or `before` the change. */
export interface LinePlace {
  readonly path: string
  readonly side: 'AFTER' | 'BEFORE'
  readonly line: number
}

/** Drafts a remark, which is sent with the next verdict. @throws RefusedError, RequestError */
export const comment = async (client: GraphQLClient, diffId: string, at: LinePlace, text: string): Promise<Done> => {
  await client.mutate(addReviewComment, { diffId, ...at, text })
  const shown = `${visibleLine(at.path)}:${at.side === 'BEFORE' ? '-' : ''}${at.line}`
  return { words: `Noted on ${shown}. It is sent with your verdict.`, diffId, state: null }
}

/** Keeps some hunks, as a new diff. @throws UsageError for a choice that makes no sense, RefusedError, RequestError */
export const keep = async (client: GraphQLClient, diff: ShownDiff, choice: string): Promise<Done> => {
  const chosen = readHunkChoice(choice, diff.files)
  const state = await client.mutate(keepHunks, { diffId: diff.id, ...chosen })
  return { words: `Kept, as the new diff ${visibleLine(state.id)}.`, diffId: state.id, state }
}

/** Brings the change to the branch's head, as a new diff. @throws RefusedError, RequestError */
export const rebase = async (client: GraphQLClient, diffId: string): Promise<Done> => {
  const state = await client.mutate(rebaseDiff, { diffId })
  const moved = `Moved to the head, as the new diff ${visibleLine(state.id)}. ${stillNeeded(state)}`
  return { words: state.id === diffId ? 'It is on the head already.' : moved, diffId: state.id, state }
}

/** Notes for the viewer alone that they have read a file, or takes that back. @throws RefusedError, RequestError */
export const mark = async (
  client: GraphQLClient,
  diffId: string,
  { path, reviewedByViewer }: Pick<ShownFile, 'path' | 'reviewedByViewer'>,
): Promise<Done> => {
  const state = await client.mutate(markFileReviewed, { diffId, path, reviewed: !reviewedByViewer })
  const words = reviewedByViewer ? 'is not marked any more' : 'is marked as reviewed'
  return { words: `${visibleLine(path)} ${words}.`, diffId, state }
}

/** Gives the commit another message. @throws RefusedError, RequestError */
export const changeMessage = async (client: GraphQLClient, diffId: string, message: string): Promise<Done> => {
  const state = await client.mutate(updateCommitMessage, { diffId, message })
  return { words: `The message is changed. ${stillNeeded(state)}`, diffId, state }
}

/** Asks for its tests to be run. @throws RefusedError, RequestError */
export const runTests = async (client: GraphQLClient, diffId: string): Promise<Done> => {
  const run = await client.mutate(testDiff, { diffId })
  return { words: `The tests are ${visibleLine(run.status)}: ${run.total} in all.`, diffId, state: null }
}

/** Asks for the commit, which is made a moment later. @throws RefusedError, RequestError */
export const commit = async (client: GraphQLClient, diffId: string): Promise<Done> => {
  const state = await client.mutate(commitDiff, { diffId })
  const oid = state.commit?.oid
  return { words: oid ? `Committed as ${visibleLine(oid)}.` : 'It is being committed.', diffId, state }
}
