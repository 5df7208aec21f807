import { isIPv6 } from 'node:net'
import type { Config } from '../config.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import type { Output } from './output.ts'
import { visibleLine } from './render/visible-text.ts'

/** The last sign of life of a process on this host, as it is in the database. */
export interface LastSign {
  readonly isApi: boolean
  readonly silentMs: number
}

export interface HealthOptions {
  readonly config: Config
  readonly output: Output
  readonly host: string
  /** For how long a process may be silent and still counts as alive, in milliseconds. */
  readonly freshMs: number
  readonly lastSigns: (databaseUrl: string, host: string) => Promise<readonly LastSign[]>
}

const answerMs = 5_000

/**
 * Says whether what runs on this host works: an API whether it is ready, workers whether their last sign of life is
 * fresh. A container is a host of its own, so that this is its health check.
 */
export const checkProcesses = async ({
  config,
  output,
  host,
  freshMs,
  lastSigns,
}: HealthOptions): Promise<ExitCode> => {
  const { databaseUrl } = config
  // The process that brings its database along has the API in it.
  const fault =
    databaseUrl === undefined
      ? await apiFault(config)
      : await processFault(config, freshMs, () => lastSigns(databaseUrl, host))
  output.json({ type: 'health', ok: fault === null, fault })
  if (fault === null) {
    if (!output.quiet) output.print('It works.')
    return exitCodes.ok
  }
  output.warn(fault)
  return exitCodes.failed
}

const processFault = async (
  config: Config,
  freshMs: number,
  read: () => Promise<readonly LastSign[]>,
): Promise<string | null> => {
  let signs: readonly LastSign[]
  try {
    signs = await read()
  } catch (error) {
    return `The database could not be asked for signs of life: ${reasonOf(error)}`
  }
  const alive = signs.filter((sign) => sign.silentMs < freshMs)
  if (alive.length === 0) {
    return signs.length === 0
      ? 'No process on this host has given a sign of life.'
      : `The last sign of life on this host is ${Math.round(Math.min(...signs.map((sign) => sign.silentMs)) / 1_000)} s old.`
  }
  return alive.some(({ isApi }) => isApi) ? apiFault(config) : null
}

/** Where a process reaches itself that listens on this address. */
const ownName = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIPv6(host) ? `[${host}]` : host
}

const apiFault = async ({ host, port }: Config): Promise<string | null> => {
  const url = `http://${ownName(host)}:${port}/readyz`
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
    return status === 200
      ? null
      : `The API is not ready: ${url} answers ${status}. The query health says what is amiss.`
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return `The API does not answer at ${url}: ${reasonOf(cause)}`
  }
}

const reasonOf = (error: unknown): string => visibleLine(error instanceof Error ? error.message : String(error))
