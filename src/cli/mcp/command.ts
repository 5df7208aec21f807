import type { Readable, Writable } from 'node:stream'
import type { Config } from '../../config.ts'
import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import type { Output } from '../output.ts'
import { findAccess, sendsInClear } from '../review/server-access.ts'
import { openBridge } from './bridge.ts'

export interface McpOptions {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
  readonly url: string | undefined
  readonly tokenFile: string | undefined
  readonly stdin: Readable
  readonly stdout: Writable
}

// An agent that acted as the administrator would commit, and propose, as the person whose token that is.
const noToken =
  'Whose token is to be sent? Give the agent one of its own: --token-file FILE, or COUNTERSIGN_TOKEN. docs/MCP.md says how to make one.'

/**
 * The MCP server over stdio, for hosts that start a program: hands each message to a server's `/mcp`, and its answer
 * back, until the host closes stdin.
 * @throws UsageError that says what to give
 */
export const serveStdio = async ({
  config,
  output,
  signal,
  url,
  tokenFile,
  stdin,
  stdout,
}: McpOptions): Promise<ExitCode> => {
  if (tokenFile === undefined && config.remote.token === undefined) throw new UsageError(noToken)
  const access = await findAccess({ config, url, tokenFile })
  if (sendsInClear(access.url)) {
    output.warn(`The token goes to ${access.url} unencrypted: everyone on the way can read it. Use https.`)
  }
  await using bridge = await openBridge({ ...access, stdin, stdout, warn: output.warn })
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (!signal.aborted) await Promise.race([bridge.closed, stopped])
  return exitCodes.ok
}
