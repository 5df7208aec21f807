import { PassThrough } from 'node:stream'
import { describeFault, exitCodes, UsageError } from '../../src/cli/exit.ts'
import { createOutput } from '../../src/cli/output.ts'
import { review } from '../../src/cli/review/command.ts'
import { type GivenReviewFlags, reviewFlags } from '../../src/cli/review/options.ts'
import { readConfig } from '../../src/config.ts'
import type { TestServer } from '../support/server.ts'

export interface Ended {
  readonly exitCode: number
  readonly out: string
  readonly err: string
  /** What was printed, as JSON lines. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
}

/** Runs `countersign review` as a script does, without a terminal. */
export const runReview = async (
  server: TestServer,
  given: GivenReviewFlags,
  options: { readonly json?: boolean; readonly token?: string; readonly stdin?: string } = {},
): Promise<Ended> => {
  let out = ''
  let err = ''
  const output = createOutput({
    json: options.json ?? false,
    quiet: false,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    stdin: {},
  })
  const stdin = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.ReadStream & PassThrough
  stdin.end(options.stdin ?? '')
  const config = readConfig({
    DATA_DIR: server.config.dataDir,
    COUNTERSIGN_URL: server.url,
    COUNTERSIGN_TOKEN: options.token ?? server.token,
  })
  let exitCode: number
  try {
    const signal = new AbortController().signal
    exitCode = await review({ config, output, signal, flags: reviewFlags(given), stdin, stdout: process.stdout })
  } catch (error) {
    err += describeFault(error, { stack: false })
    exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.failed
  }
  const lines = options.json
    ? out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
  return { exitCode, out, err, lines }
}
