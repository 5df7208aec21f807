import { text } from 'node:stream/consumers'
import type { Config } from '../../config.ts'
import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import { createGraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { changeInEditor, writeInEditor } from './editor.ts'
import { reviewOnScreen } from './interactive.ts'
import { listPending } from './list.ts'
import { loadReading } from './load.ts'
import { doOneAction } from './one-action.ts'
import { reviewInLines } from './plain.ts'
import { printReading } from './print.ts'
import { type ReviewFlags, readRequest } from './request.ts'
import { findAccess, sendsInClear } from './server-access.ts'

export interface ReviewOptions {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
  readonly flags: ReviewFlags
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

const feedbackHint =
  'Write above what you have to say. Lines that begin with # are left out.\nWithout any other line nothing is sent.'

const messageHint =
  'What is between the two lines with >8 is the message of the commit.\nAs it was, or empty, nothing is sent.\nAnother message makes all approvals fall but your own.'

const noTerminal = `The queue needs a terminal to read your keys from. Without one:
  countersign review --list
  countersign review --review ID
  countersign review --review ID --approve --seen HASHES
  countersign review --review ID --reject --seen HASHES --message TEXT
  countersign review --review ID --commit
and --json for lines that a script reads.`

/**
 * The reviewer's terminal: a client of a server's API, here or elsewhere.
 * @throws UsageError, RefusedError, RequestError
 */
export const review = async ({ config, output, signal, flags, stdin, stdout }: ReviewOptions): Promise<ExitCode> => {
  const request = readRequest(flags)
  if (request.kind === 'queue' && !output.canAsk) throw new UsageError(noTerminal)
  const access = await findAccess({ config, url: flags.url, tokenFile: flags.tokenFile })
  if (sendsInClear(access.url)) {
    output.warn(`The token goes to ${access.url} unencrypted: everyone on the way can read it. Use https.`)
  }
  const client = createGraphQLClient({ ...access, signal })
  const { editor, searchPath } = config
  const write = () => writeInEditor({ editor, searchPath, hint: feedbackHint })
  const edit = (text: string) => changeInEditor({ editor, searchPath, hint: messageHint }, text)
  const { order } = request
  const withPerson = async (diffId?: string): Promise<ExitCode> => {
    if (flags.plain) await reviewInLines({ client, output, signal, stdin, stdout, write, edit, order, diffId })
    else await reviewOnScreen({ access, signal, style: output.style, stdin, stdout, write, edit, order, diffId })
    return exitCodes.ok
  }
  switch (request.kind) {
    case 'list':
      return listPending(client, output, order)
    case 'act':
      return doOneAction({
        client,
        output,
        ...request,
        readMessage: () => (stdin.isTTY && flags.message !== '-' ? write() : text(stdin)),
      })
    case 'show':
      if (output.canAsk) return withPerson(request.diffId)
      printReading(await loadReading(client, request.diffId), output)
      return exitCodes.ok
    case 'queue':
      return withPerson()
  }
}
