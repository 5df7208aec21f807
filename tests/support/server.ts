import { pathToFileURL } from 'node:url'
import { createClient } from 'graphql-ws'
import { inject } from 'vitest'
import WebSocket from 'ws'
import { type Config, readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import type { EventRow } from '../../src/domain/event/event.entity.ts'
import type { EventBody } from '../../src/domain/event/event.ts'
import { type Pool, pools } from '../../src/jobs/job.ts'
import { type StartOptions, start } from '../../src/start.ts'
import { createTestDatabase } from './database.ts'
import { type FollowedEvents, followEvents } from './followed-events.ts'
import { programFile } from './programs.ts'
import './provided.ts'
import { testSandbox } from './sandbox.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface GraphQLAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
  readonly data: any
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly token: string
  /** Where the metrics are, when the environment asks for a port for them. */
  readonly metricsUrl: string | null
  readonly context: Context
  readonly config: Config
  /** One request as the given token's actor (the administrator's by default). @throws Error on top-level errors */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  query(document: string, variables?: object, token?: string): Promise<any>
  /** The same, with the errors and the HTTP status. */
  request(document: string, variables?: object, token?: string | null): Promise<GraphQLAnswer & { status: number }>
  /** A subscription over WebSocket, as `for await` takes it. */
  subscribe(document: string, variables?: object, token?: string): AsyncIterableIterator<GraphQLAnswer>
  /** The first event of the log, from its beginning, that the test waits for. */
  event<Type extends EventBody['type']>(
    type: Type,
    matches: (body: Extract<EventBody, { type: Type }>) => boolean,
  ): Promise<EventRow>
}

export interface TestServerOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Database and data directory of an earlier server, which the test disposes of itself. */
  readonly databaseUrl?: string
  readonly dataDir?: string
  readonly pools?: StartOptions['pools']
  readonly overrides?: StartOptions['overrides']
  readonly rehearsal?: boolean
}

// Each server starts one or two. Asked for when one is started: the live suite, when it is skipped, has no programs.
const analyzerScript = () => pathToFileURL(programFile('src/adapters/analyzer/child'))

const allPools = Object.fromEntries(pools.map((pool) => [pool, 4])) as Record<Pool, number>

/** A whole server in this process, on a database and a directory of its own. */
export const startTestServer = async (options: TestServerOptions = {}): Promise<TestServer> => {
  await using stack = new AsyncDisposableStack()
  const databaseUrl = options.databaseUrl ?? stack.use(await createTestDatabase()).url
  const dataDir = options.dataDir ?? stack.use(await temporaryDirectory(inject('files'))).path
  const config = readConfig({
    PATH: process.env.PATH,
    PORT: '0',
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'fatal',
    SANDBOX: testSandbox().driver,
    // What a test left unanswered is not waited for.
    DRAIN_SECONDS: '0',
    ...options.env,
  })
  const running = await start(config, {
    api: true,
    pools: options.pools ?? allPools,
    rehearsal: options.rehearsal ?? true,
    migrate: false,
    // The providers of tests fail on purpose, and many tests share one server: one's failures are no other's.
    overrides: {
      retry: { baseDelayMs: 5 },
      breaker: { failures: Number.POSITIVE_INFINITY },
      analyzerScript: analyzerScript(),
      ...options.overrides,
    },
  })
  stack.defer(() => running.close())
  const { context, url, adminToken, metricsUrl } = running

  const request: TestServer['request'] = async (query, variables = {}, token = adminToken) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    })
    return { ...((await response.json()) as GraphQLAnswer), status: response.status }
  }
  let followed: FollowedEvents | undefined
  stack.defer(() => followed?.stop())
  const owned = stack.move()
  return {
    url,
    token: adminToken,
    metricsUrl,
    context,
    config,
    request,
    async query(document, variables, token) {
      const { data, errors } = await request(document, variables, token ?? adminToken)
      if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
      return data
    },
    subscribe(query, variables = {}, token = adminToken) {
      const client = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${token}` },
        retryAttempts: 0,
      })
      return client.iterate({
        query,
        variables: variables as Record<string, unknown>,
      }) as AsyncIterableIterator<GraphQLAnswer>
    },
    async event(type, matches) {
      followed ??= followEvents(context.feed)
      for await (const event of followed.events()) {
        if (event.body.type === type && matches(event.body as never)) return event
      }
      throw new Error(`The event ${type} did not come.`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
