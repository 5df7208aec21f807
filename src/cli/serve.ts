import type { Config } from '../config.ts'
import type { Pool } from '../jobs/job.ts'
import type { Running, StartOptions } from '../start.ts'
import { describeFault, type ExitCode, exitCodes, InterruptedError } from './exit.ts'
import { createGraphQLClient } from './graphql-client.ts'
import { untilStopped } from './lifecycle.ts'
import type { Output } from './output.ts'
import { visibleLine } from './render/visible-text.ts'
import { padEnd, wrap } from './render/width.ts'
import { ensureSampleProject } from './sample-project.ts'

/** What a command needs of what it started. */
export type ServerProcess = Pick<
  Running,
  'url' | 'adminToken' | 'adminTokenFile' | 'notices' | 'rehearsal' | 'failed' | 'close'
>
export type Start = (config: Config, options: StartOptions) => Promise<ServerProcess>

export interface ServeOptions {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
  readonly start: Start
}

/** For two cores. Most jobs wait for a model or a receiver; tests do not. */
export const defaultPoolSizes: Readonly<Record<Pool, number>> = {
  planning: 4,
  phases: 8,
  candidates: 8,
  sessions: 4,
  tests: 2,
  maintenance: 2,
  webhooks: 8,
}

/** Where a client on this machine reaches a server that listens on every address. */
export const localUrl = (url: string): string => url.replace(/^http:\/\/(0\.0\.0\.0|\[::\])(?=:)/, 'http://127.0.0.1')

/** API and all pools in one process, with the sample project, until told to end. */
export const serveAll = (options: ServeOptions): Promise<ExitCode> =>
  serve(options, { api: true, pools: defaultPoolSizes, rehearsal: true, migrate: true }, async (running) => {
    const client = createGraphQLClient({
      url: localUrl(running.url),
      token: running.adminToken,
      signal: options.signal,
    })
    try {
      await ensureSampleProject(client)
    } catch (error) {
      if (options.signal.aborted) return
      const why = visibleLine(describeFault(error, { stack: false }))
      options.output.warn(`The sample project could not be made, the server runs without it: ${why}`)
    }
  })

/** The API alone. */
export const serveApi = (options: ServeOptions): Promise<ExitCode> =>
  serve(options, { api: true, pools: {}, rehearsal: false, migrate: migratesItself(options.config) })

/**
 * Workers alone.
 * @param pools which; none means all
 * @param concurrency jobs at once in each of them; each pool's default size when absent
 */
export const serveWorkers = (
  options: ServeOptions,
  pools: readonly Pool[],
  concurrency: number | undefined,
): Promise<ExitCode> => {
  const wanted = pools.length > 0 ? pools : (Object.keys(defaultPoolSizes) as Pool[])
  const sizes = Object.fromEntries(wanted.map((pool) => [pool, concurrency ?? defaultPoolSizes[pool]]))
  return serve(options, { api: false, pools: sizes, rehearsal: false, migrate: migratesItself(options.config) })
}

// Nobody else migrates the database that a process brings along; that of a deployment is migrated once, by `migrate`.
const migratesItself = (config: Config): boolean => config.databaseUrl === undefined

const serve = async (
  { config, output, signal, start }: ServeOptions,
  options: StartOptions,
  prepare: (running: ServerProcess) => Promise<void> = async () => {},
): Promise<ExitCode> => {
  const running = await start(config, { ...options, signal }).catch((error: unknown) => {
    // Told to end while it waited for its database or Redis: nothing was under way.
    if (error === signal.reason && error instanceof InterruptedError) return null
    throw error
  })
  if (running === null) return exitCodes.ok
  try {
    if (!signal.aborted) await prepare(running)
    if (!signal.aborted) announce(output, running, options, config)
    await untilStopped(signal, running.failed)
    return exitCodes.ok
  } finally {
    await running.close()
  }
}

const announce = (output: Output, running: ServerProcess, options: StartOptions, config: Config): void => {
  const { url, adminTokenFile, rehearsal, notices } = running
  if (output.mode === 'json') {
    const api = options.api ? { url, adminTokenFile } : {}
    output.json({ type: 'ready', ...api, pools: options.pools, rehearsal, notices })
    return
  }
  if (output.quiet) {
    if (options.api) output.print(url)
    return
  }
  output.print(renderReady(running, options, config.api, output))
}

const labelColumns = 14

/** What a person needs to know once a process is up. */
export const renderReady = (
  running: Pick<ServerProcess, 'url' | 'adminTokenFile' | 'notices'>,
  options: Pick<StartOptions, 'api' | 'pools'>,
  { graphiql }: Pick<Config['api'], 'graphiql'>,
  { style, columns }: Pick<Output, 'style' | 'columns'>,
): string => {
  const row = (label: string, text: string) => `  ${style.faint(padEnd(label, labelColumns))}${text}`
  const pools = Object.entries(options.pools).map(([pool, size]) => `${pool} ${size}`)
  return [
    style.strong('Countersign is ready.'),
    ...(options.api
      ? [
          row(graphiql ? 'GraphiQL' : 'GraphQL', style.place(`${running.url}/graphql`)),
          row(
            'Admin token',
            running.adminTokenFile === null ? 'the one in ADMIN_TOKEN' : `in ${running.adminTokenFile}`,
          ),
          row('', 'sent as the header Authorization: Bearer <token>'),
        ]
      : []),
    ...(pools.length > 0 ? [row('Pools', pools.join(', '))] : []),
    ...running.notices.map((notice) => style.warn(wrap(visibleLine(notice), columns, '  '))),
  ].join('\n')
}
