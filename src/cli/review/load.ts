import { UsageError } from '../exit.ts'
import type { GraphQLClient } from '../graphql-client.ts'
import { visibleLine } from '../render/visible-text.ts'
import { changedParts } from './actions.ts'
import {
  type DiffHead,
  type PendingDiff,
  readDiffHead,
  readPending,
  readShownDiff,
  readTestOutput,
  type ShownDiff,
  type TestOutput,
} from './shown-diff.ts'

/** What a reviewer has before them. */
export interface Reading {
  readonly diff: ShownDiff
  /** Of the tests that did not pass, when the latest run has some. */
  readonly testOutput: readonly TestOutput[]
}

const pageSize = 100

/** In which order a person reads what waits: the oldest first, or the worst. */
export type QueueOrder = 'age' | 'risk'

/** Every diff that waits, a page at a time. @throws RequestError */
export async function* pendingPages(client: GraphQLClient, order: QueueOrder): AsyncGenerator<readonly PendingDiff[]> {
  const given = { first: pageSize, order: order === 'risk' ? 'RISK' : 'OLDEST' }
  const read = async (after: string | null) => (await client.query(readPending, { ...given, after })).pendingDiffs
  let page = await read(null)
  yield page.nodes
  while (page.pageInfo.hasNextPage) {
    page = await read(page.pageInfo.endCursor)
    yield page.nodes
  }
}

const expectDiff = <Found>(node: Found | null, id: string): Found => {
  if (node !== null) return node
  throw new UsageError(`There is no diff with the id ${visibleLine(id)} that you can see. --list shows what waits.`)
}

const loadTestOutput = async (
  client: GraphQLClient,
  { latestTestRun: run }: DiffHead,
): Promise<Reading['testOutput']> => {
  if (run === null || run.passed === run.total) return []
  const { node } = await client.query(readTestOutput, { id: run.id })
  return node?.results.filter(({ status }) => status !== 'PASSED' && status !== 'SKIPPED') ?? []
}

/** The diff with the output of its failed tests. @throws UsageError when there is none, RequestError */
export const loadReading = async (client: GraphQLClient, id: string): Promise<Reading> => {
  const diff = expectDiff((await client.query(readShownDiff, { id })).node, id)
  return { diff, testOutput: await loadTestOutput(client, diff) }
}

/**
 * What is known of the diff now. Its lines are only loaded again when it is another one.
 * @returns the new reading, and in words which parts of what an approval is of have changed
 * @throws UsageError when it is not there any more, RequestError
 */
export const loadAgain = async (
  client: GraphQLClient,
  { diff: shown }: Reading,
): Promise<{ readonly reading: Reading; readonly changed: readonly string[] }> => {
  const now = expectDiff((await client.query(readDiffHead, { id: shown.id })).node, shown.id)
  const changed = changedParts(shown, now)
  if (changed.length > 0) return { reading: await loadReading(client, shown.id), changed }
  const marks = new Map(now.files.map(({ path, reviewedByViewer }) => [path, reviewedByViewer]))
  const files = shown.files.map((file) => ({ ...file, reviewedByViewer: marks.get(file.path) ?? false }))
  const diff = { ...now, sinceLastSeen: shown.sinceLastSeen, files }
  return { reading: { diff, testOutput: await loadTestOutput(client, now) }, changed }
}
