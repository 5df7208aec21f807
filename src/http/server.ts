import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { QueueBoard } from '../adapters/queue/queue-board.ts'
import { createAccessWatch } from '../domain/actor/access-watch.ts'
import { createStandings } from '../domain/actor/standings.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import { withLogContext } from '../domain/shared/log-context.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Health } from '../health/health.ts'
import { createGraphQLContext, type GraphQLContext } from '../schema/context.ts'
import { schema } from '../schema/index.ts'
import { createToClientError } from './client-errors.ts'
import { closeQueued } from './close-queued.ts'
import { graphqlRoute } from './graphql-route.ts'
import { createGraphQLServer } from './graphql-server.ts'
import { healthEndpoints } from './health-endpoints.ts'
import { type ApiRules, bodyLimits, maxBodyBytes } from './limits.ts'
import { serveMcp } from './mcp.ts'
import { readPersistedOperations } from './persisted-operations.ts'
import { queueBoard, queueBoardPath } from './queue-board.ts'
import { createQuota } from './quota.ts'
import { requestIdOf } from './request-id.ts'
import type { Route } from './route.ts'
import { createSignIn } from './sign-in.ts'
import { versionArchives } from './version-archives.ts'
import { serveWebSockets } from './websocket.ts'

export interface ServerOptions {
  readonly services: Services
  readonly feed: EventFeed
  readonly health: Health
  readonly version: string
  readonly host: string
  readonly port: number
  readonly corsOrigins: readonly string[]
  readonly rules: ApiRules
  /** Shows the metrics; undefined where nobody may read them here. */
  readonly metrics?: Route | undefined
  /** Opens what shows the queues' jobs; undefined where nobody may see them. */
  readonly openBoard?: ((basePath: string) => Promise<QueueBoard>) | undefined
  /** How soon at the latest a connection ends whose viewer lost access; 20 s unless given. */
  readonly accessCheckMs?: number
}

export interface RunningServer {
  readonly url: string
  /**
   * From now on no connection is taken, so that a proxy goes on to another process, and subscriptions break off so that
   * clients connect again, there. What still comes on an open connection is answered, and ends it; /readyz says 503.
   * Settles when the requests that are under way have been answered.
   * @param drainMs how long that is waited for
   */
  drain(drainMs: number): Promise<void>
  /** Ends what is left. */
  close(): Promise<void>
}

const closeGraceMs = 2_000
const defaultAccessCheckMs = 20_000
// With as long until each asks again, what a listener sees is at most a second old.
const standingFreshMs = 500

/**
 * Serves GraphQL over HTTP, SSE and WebSocket, MCP, archives, and the health endpoints.
 * @throws PersistedOperationsError when they cannot be used
 */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { services, feed, health, version, corsOrigins, rules } = options
  const { log, measure } = services
  const standings = createStandings(services, standingFreshMs)
  const contextOf = (viewer: Viewer): GraphQLContext =>
    createGraphQLContext({ viewer, services, feed, standings, version, health: health.look })
  const persisted = await readPersistedOperations(rules.persisted, schema)
  const signIn = createSignIn(services, rules.rate)
  const toClientError = createToClientError(log)
  const connections = createQuota<string>(rules.webSockets.maxPerToken)
  const bodies = createQuota<string>(bodyLimits.each, bodyLimits.all)
  using stack = new DisposableStack()
  const access = stack.use(createAccessWatch(services, options.accessCheckMs ?? defaultAccessCheckMs))
  let isDraining = false
  const streams = new Set<ServerResponse>()
  const noteStream = (stream: ServerResponse) => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    // One that ended in order would be over for its client; one that breaks off is asked for again.
    if (isDraining) stream.destroy()
  }
  const yoga = createGraphQLServer({
    rules,
    persisted,
    corsOrigins,
    access,
    connections,
    contextOf,
    toClientError,
    noteStream,
    measure,
    tracer: services.tracer,
  })
  const mcp = serveMcp({ services, feed, version, signIn, corsOrigins, maxBodyBytes, bodies })
  const graphql = graphqlRoute({ yoga, signIn, corsOrigins, bodies, measure })
  const board = await options.openBoard?.(queueBoardPath)
  // The first that answers a path does, and the last answers whatever is left.
  const routes: readonly Route[] = [
    ...healthEndpoints(health, () => isDraining),
    versionArchives({ services, signIn, corsOrigins }),
    mcp,
    ...(options.metrics ? [options.metrics] : []),
    ...(board ? [queueBoard({ services, board, signIn })] : []),
    graphql,
  ]

  const underWay = new Set<ServerResponse>()
  const server: Server = createServer((request, response) => {
    // Everything on the way listens for its end; Node takes more than ten for a leak.
    response.setMaxListeners(30)
    const path = request.url?.split('?', 1)[0] ?? ''
    const route = routes.find(({ answers }) => answers(path)) ?? graphql
    underWay.add(response)
    response.once('close', () => underWay.delete(response))
    if (isDraining) response.setHeader('connection', 'close')
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    const giveUp = (error: unknown): void => {
      const hasLeft = response.destroyed || request.errored !== null
      log[hasLeft ? 'debug' : 'error']({ error }, `${route.name}: a request was not answered`)
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    }
    withLogContext({ requestId }, () => route.serve(request, response, path).catch(giveUp))
  })
  closeQueued(server)
  let closed: Promise<void> | undefined
  const stopListening = (): Promise<void> => {
    isDraining = true
    closed ??= new Promise((resolve) => server.close(() => resolve()))
    return closed
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const subscriptions = serveWebSockets(server, {
    yoga,
    signIn,
    persisted,
    contextOf,
    toClientError,
    limits: rules.webSockets,
    connections,
    trustedProxies: rules.rate.trustedProxies,
    corsOrigins,
    access,
    measure,
    log,
  })
  const { port } = server.address() as AddressInfo
  const owned = stack.move()
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${port}`,
    async drain(drainMs) {
      stopListening()
      mcp.drain()
      for (const stream of streams) stream.destroy()
      for (const response of underWay) if (!response.headersSent) response.setHeader('connection', 'close')
      const answered = Promise.all([...underWay].map((response) => once(response, 'close')))
      await Promise.all([subscriptions.close(), Promise.race([answered, delay(drainMs, undefined, { ref: false })])])
    },
    async close() {
      const ended = stopListening()
      mcp.drain()
      await subscriptions.close()
      owned.dispose()
      const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs)
      server.closeIdleConnections()
      await ended
      clearTimeout(timer)
      await mcp.close()
    },
  }
}
