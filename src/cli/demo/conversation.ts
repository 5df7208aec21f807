import { DroppedError } from '../graphql-client.ts'
import { type DemoContext, expectNode, isEvent } from './demo-context.ts'
import type { Diff } from './operations.ts'
import type { SampleTask } from './sample-task.ts'
import { createSession, readSession, type Session, sendMessage, sessionText } from './session-operations.ts'
import { testedDiff } from './tested-diff.ts'
import type { Watch } from './watch.ts'

const turnMs = 300_000

export interface ConversationResult {
  readonly sessionId: string
  readonly session: Session
  readonly diff: Diff
}

/** Shows what the agents write until the signal is aborted. It is only for reading along: what is lost is not missed. */
const followText = async ({ client, show }: DemoContext, sessionId: string, signal: AbortSignal): Promise<void> => {
  try {
    for await (const { messageId, ...piece } of client.subscribe(sessionText, { sessionId }, signal)) {
      show({ type: 'text', messageId, ...piece })
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof DroppedError)) throw error
  }
}

/**
 * Says the task to a coder, and waits for the evaluator's last word on its change.
 * @throws Error with the session's own reason when no change comes of it
 */
export const converse = async (
  context: DemoContext,
  watch: Watch,
  projectId: string,
  task: SampleTask,
): Promise<ConversationResult> => {
  const { client, signal } = context
  const { id: sessionId } = await client.mutate(createSession, { input: { projectId, title: task.title } })
  const stop = new AbortController()
  const text = followText(context, sessionId, AbortSignal.any([signal, stop.signal]))
  try {
    await client.mutate(sendMessage, { sessionId, text: task.task })
    const isThis = (event: { readonly sessionId: string }) => event.sessionId === sessionId
    await watch.until(
      'The beginning of the work',
      turnMs,
      isEvent('session', (event) => isThis(event) && event.busy),
    )
    await watch.until(
      "The evaluator's last word",
      turnMs,
      isEvent('session', (event) => isThis(event) && !event.busy),
    )
  } finally {
    stop.abort()
    await text
  }
  const session = expectNode(await client.query(readSession, { id: sessionId }), 'The session')
  const pending = session.pendingDiffs.at(-1)
  if (!pending) {
    const failure = session.messages.nodes.find(({ role }) => role === 'USER')?.failure
    throw new Error(`No change came of the session: ${failure ?? 'the coder answered in words'}`)
  }
  return { sessionId, session, diff: await testedDiff(context, watch, pending.id) }
}
