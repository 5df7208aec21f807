import { InterruptedError } from '../exit.ts'
import { createGraphQLClient } from '../graphql-client.ts'
import type { Style } from '../render/style.ts'
import { followChanges } from './follow-changes.ts'
import { createInputs } from './inputs.ts'
import type { QueueOrder } from './load.ts'
import { readCursor } from './operations.ts'
import { showQueue } from './queue.ts'
import { readDiff } from './read-diff.ts'
import { openScreen } from './screen.ts'
import type { ServerAccess } from './server-access.ts'
import type { Terminal } from './terminal.ts'

export interface InteractiveOptions {
  readonly access: ServerAccess
  readonly signal: AbortSignal
  readonly style: Style
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly write: () => Promise<string>
  readonly edit: (text: string) => Promise<string>
  readonly order: QueueOrder
  /** One diff instead of the queue. */
  readonly diffId: string | undefined
}

/** Gives the terminal to the reviewer until they quit. @throws InterruptedError on Ctrl-C */
export const reviewOnScreen = async (options: InteractiveOptions): Promise<void> => {
  const { access, style, stdin, stdout, write, edit, order, diffId } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const client = createGraphQLClient({ ...access, signal })
  const inputs = createInputs(signal)
  const { eventCursor } = await client.query(readCursor)
  using screen = openScreen({ stdin, stdout, inputs, interrupt: (reason) => stop.abort(reason) })
  const terminal: Terminal = { client, screen, inputs, style, write, edit, connection: null }
  const following = followChanges(client, inputs, eventCursor, signal).catch((error: unknown) => stop.abort(error))
  try {
    await (diffId === undefined ? showQueue(terminal, order) : readDiff(terminal, diffId))
  } finally {
    stop.abort(new InterruptedError())
    await following
  }
}
