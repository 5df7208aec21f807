import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import type { GraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { visibleLine } from '../render/visible-text.ts'
import { approve, comment, commit, type Done, keep, reject, runTests } from './actions.ts'
import { loadReading } from './load.ts'
import type { OneAction } from './request.ts'
import { readDiffHead } from './shown-diff.ts'

export interface OneActionOptions {
  readonly client: GraphQLClient
  readonly output: Output
  readonly diffId: string
  readonly action: OneAction
  /** Words that the command line did not give: from an editor or from standard input. */
  readonly readMessage: () => Promise<string>
}

/** Does one thing to one diff, for scripts and for people without a screen. @throws RefusedError, UsageError, Error */
export const doOneAction = async (options: OneActionOptions): Promise<ExitCode> => {
  const { output, action } = options
  const { words, diffId, state } = await act(options)
  output.json({ type: action.kind, diffId, ...(state === null ? {} : { ...state }) })
  if (!output.quiet) output.print(words)
  return exitCodes.ok
}

const act = async (options: OneActionOptions): Promise<Done> => {
  const { client, diffId, action } = options
  switch (action.kind) {
    case 'approve':
      return approve(client, action.seen, await statusOf(client, diffId))
    case 'reject':
      return reject(client, action.seen, await statusOf(client, diffId), await words(options, action.message))
    case 'comment':
      return comment(client, diffId, action.at, await words(options, action.message))
    case 'keep':
      return keep(client, (await loadReading(client, diffId)).diff, action.choice)
    case 'runTests':
      return runTests(client, diffId)
    case 'commit':
      return commitNow(options)
  }
}

const words = async ({ readMessage }: OneActionOptions, given: string | undefined): Promise<string> => {
  const text = (given === undefined || given === '-' ? await readMessage() : given).trim()
  if (text === '') throw new UsageError('Nothing was written: nothing was sent.')
  return text
}

const statusOf = async (client: GraphQLClient, id: string): Promise<string> => {
  const { node } = await client.query(readDiffHead, { id })
  if (node === null) throw new UsageError(`There is no diff with the id ${visibleLine(id)} that you can see.`)
  return node.status
}

/** @throws Error when it is not committed yet, so that the exit code says whether it is */
const commitNow = async ({ client, diffId }: OneActionOptions): Promise<Done> => {
  const done = await commit(client, diffId)
  if (done.state?.commit) return done
  throw new Error(`It is not committed yet: it is ${visibleLine(done.state?.status ?? '')}. Look again with --review.`)
}
