import { confirm, isCancel } from '@clack/prompts'
import { InterruptedError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'
import { type DemoContext, expectNode, isEvent } from './demo-context.ts'
import { approveDiff, commitDiff, type Diff, openReview, readCommit } from './operations.ts'
import type { Watch } from './watch.ts'

const commitMs = 60_000

/**
 * Asks the person at the terminal.
 * @throws InterruptedError when they leave without an answer
 */
export const askToCountersign = async (diff: Diff, signal: AbortSignal): Promise<boolean> => {
  const answer = await confirm({
    message: `Countersign this change? It is then committed to ${visibleLine(diff.targetBranch)}.`,
    active: 'Countersign',
    inactive: 'No',
    initialValue: false,
    signal,
  })
  if (isCancel(answer)) throw signal.aborted ? signal.reason : new InterruptedError()
  return answer
}

/**
 * Approves exactly what was shown, by its hashes.
 * @throws RefusedError when it has changed since; Error when the policy asks for more than this approval
 */
export const countersign = async ({ client, show }: DemoContext, diff: Diff, by: 'prompt' | '--yes'): Promise<void> => {
  const { id: diffId, contentHash } = diff
  const { evaluationHash } = diff.safety
  await client.mutate(openReview, { diffId })
  const { status, approval } = await client.mutate(approveDiff, { diffId, contentHash, evaluationHash })
  show({ type: 'countersigned', diffId, contentHash, evaluationHash, by })
  if (!approval.satisfied) {
    throw new Error(`The change is ${status} and cannot be committed yet: ${approval.missing.join('; ')}.`)
  }
}

/**
 * Commits an approved diff.
 * @returns the commit's id
 * @throws RefusedError or Error when the branch has moved
 */
export const commit = async ({ client }: DemoContext, watch: Watch, diffId: string): Promise<string> => {
  await client.mutate(commitDiff, { diffId })
  await watch.until(
    'The commit',
    commitMs,
    isEvent('diff', (event) => event.diffId === diffId && event.status === 'COMMITTED'),
  )
  const { status, commit: made } = expectNode(await client.query(readCommit, { id: diffId }), 'The diff')
  if (made === null) throw new Error(`The diff is ${status} and has no commit.`)
  return made.oid
}
