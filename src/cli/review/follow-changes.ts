import { setTimeout as delay } from 'node:timers/promises'
import { DroppedError, type GraphQLClient, RequestError } from '../graphql-client.ts'
import { visibleLine } from '../render/visible-text.ts'
import type { Inputs } from './inputs.ts'
import { changes, readCursor } from './operations.ts'

const firstWaitMs = 250
const longestWaitMs = 5_000

/**
 * Tells of each change of a diff from a cursor on, until the signal is aborted, also when the server is away for
 * long: what happened meanwhile is told once it is back.
 */
export const followChanges = async (
  client: GraphQLClient,
  inputs: Inputs,
  cursor: string,
  signal: AbortSignal,
): Promise<void> => {
  let after = cursor
  let wait = firstWaitMs
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof DroppedError || error instanceof RequestError)) throw error
      inputs.push({ kind: 'connection', words: `${visibleLine(error.message)} Trying again.` })
    }
  }
  const follow = async () => {
    for await (const change of client.subscribe(changes, { after }, signal)) {
      after = change.cursor
      wait = firstWaitMs
      const diffId = change.diff?.id ?? change.testRun?.diff?.id
      if (diffId) inputs.push({ kind: 'changed', diffId })
    }
  }
  const greet = async () => {
    await client.query(readCursor)
    inputs.push({ kind: 'connection', words: null })
    inputs.push({ kind: 'changed', diffId: null })
  }
  while (!signal.aborted) {
    await attempt(follow)
    await delay(wait, undefined, { signal }).catch(() => {})
    wait = Math.min(wait * 2, longestWaitMs)
    if (!signal.aborted) await attempt(greet)
  }
}
