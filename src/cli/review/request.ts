import { UsageError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'
import type { LinePlace, Seen } from './actions.ts'
import type { QueueOrder } from './load.ts'

/** The command line of `review`, as it was given. */
export interface ReviewFlags {
  readonly list: boolean
  readonly order: string | undefined
  readonly review: string | undefined
  readonly url: string | undefined
  readonly tokenFile: string | undefined
  readonly plain: boolean
  readonly approve: boolean
  readonly reject: boolean
  readonly runTests: boolean
  readonly commit: boolean
  readonly keep: string | undefined
  readonly comment: string | undefined
  readonly seen: string | undefined
  readonly message: string | undefined
}

/** One thing that is done to one diff without asking. */
export type OneAction =
  | { readonly kind: 'approve'; readonly seen: Seen }
  | { readonly kind: 'reject'; readonly seen: Seen; readonly message: string | undefined }
  | { readonly kind: 'comment'; readonly at: LinePlace; readonly message: string | undefined }
  | { readonly kind: 'keep'; readonly choice: string }
  | { readonly kind: 'runTests' }
  | { readonly kind: 'commit' }

/** What the command line asks for. */
export type ReviewRequest = {
  /** Of what waits. */
  readonly order: QueueOrder
} & (
  | { readonly kind: 'queue' }
  | { readonly kind: 'list' }
  | { readonly kind: 'show'; readonly diffId: string }
  | { readonly kind: 'act'; readonly diffId: string; readonly action: OneAction }
)

const seenWords = /^([0-9a-f]{64}):([0-9a-f]{64})(?::([0-9a-f]{64}))?$/
const linePlace = /^(.+):(-?)([1-9]\d{0,8})$/s

/** @throws UsageError for flags that make no sense together */
export const readRequest = (flags: ReviewFlags): ReviewRequest => {
  const actions = [
    ...(flags.approve ? ['--approve'] : []),
    ...(flags.reject ? ['--reject'] : []),
    ...(flags.runTests ? ['--run-tests'] : []),
    ...(flags.commit ? ['--commit'] : []),
    ...(flags.keep !== undefined ? ['--keep'] : []),
    ...(flags.comment !== undefined ? ['--comment'] : []),
  ]
  if (actions.length > 1) throw new UsageError(`One thing at a time: ${actions.join(' and ')} were given.`)
  const [action] = actions
  if (flags.list && (flags.review !== undefined || action !== undefined)) {
    throw new UsageError('--list shows all that waits; it goes with no diff and no action.')
  }
  if (flags.seen !== undefined && action !== '--approve' && action !== '--reject') {
    throw new UsageError('--seen goes with --approve or --reject.')
  }
  if (flags.message !== undefined && action !== '--reject' && action !== '--comment') {
    throw new UsageError('--message goes with --reject or --comment.')
  }
  const order = readOrder(flags)
  if (flags.review === undefined) {
    if (action !== undefined) throw new UsageError(`${action} needs --review ID. --list shows what waits.`)
    return { kind: flags.list ? 'list' : 'queue', order }
  }
  const diffId = flags.review
  if (action === undefined) return { kind: 'show', order, diffId }
  return { kind: 'act', order, diffId, action: readAction(flags, diffId) }
}

/** @throws UsageError for an order that there is not, or where nothing is ordered */
const readOrder = ({ order, review }: ReviewFlags): QueueOrder => {
  if (order === undefined) return 'risk'
  if (review !== undefined) throw new UsageError('--order goes with the queue and with --list.')
  if (order === 'age' || order === 'risk') return order
  throw new UsageError(`--order ${visibleLine(order)} is none: give age or risk.`)
}

const readAction = (flags: ReviewFlags, diffId: string): OneAction => {
  const { message } = flags
  if (flags.approve) return { kind: 'approve', seen: readSeen(flags.seen, diffId) }
  if (flags.reject) return { kind: 'reject', seen: readSeen(flags.seen, diffId), message }
  if (flags.comment !== undefined) return { kind: 'comment', at: readLinePlace(flags.comment), message }
  if (flags.keep !== undefined) return { kind: 'keep', choice: flags.keep }
  return { kind: flags.commit ? 'commit' : 'runTests' }
}

/** @throws UsageError when it is missing or malformed */
const readSeen = (word: string | undefined, id: string): Seen => {
  const [, contentHash, evaluationHash, messageHash = null] = seenWords.exec(word ?? '') ?? []
  if (contentHash !== undefined && evaluationHash !== undefined) {
    return { id, contentHash, safety: { evaluationHash }, messageHash }
  }
  throw new UsageError(
    'A verdict is on what you saw: give --seen CONTENT:EVALUATION:MESSAGE, the hashes that --review ID prints at its end.',
  )
}

/** Reads `path:14`, or `path:-12` for a line that was there before. @throws UsageError */
export const readLinePlace = (word: string): LinePlace => {
  const [, path, before, line] = linePlace.exec(word) ?? []
  if (path !== undefined) return { path, side: before === '-' ? 'BEFORE' : 'AFTER', line: Number(line) }
  throw new UsageError(`${visibleLine(word)} is no place: give PATH:LINE, or PATH:-LINE for a line that was removed.`)
}
