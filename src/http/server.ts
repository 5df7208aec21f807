import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { GraphQLError } from 'graphql'
import { createYoga, maskError } from 'graphql-yoga'
import { createAccessWatch } from '../domain/actor/access-watch.ts'
import { authenticate } from '../domain/actor/authenticate.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import { DomainError } from '../domain/errors.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import type { Services } from '../domain/shared/services.ts'
import { type ComponentHealth, createGraphQLContext, type GraphQLContext } from '../schema/context.ts'
import { schema } from '../schema/index.ts'
import { isMcp, serveMcp } from './mcp.ts'
import { endLostSubscriptions, noteStreams, refuseBrokenText, requireViewer, type ServerContext } from './plugins.ts'
import { readBody } from './respond.ts'
import { isVersionArchive, serveVersionArchive } from './version-archives.ts'
import { serveWebSockets } from './websocket.ts'

export interface ServerOptions {
  readonly services: Services
  readonly feed: EventFeed
  readonly health: () => Promise<readonly ComponentHealth[]>
  readonly version: string
  readonly host: string
  readonly port: number
  readonly corsOrigins: readonly string[]
  /** GraphiQL and introspection for people at work on a frontend. */
  readonly graphiql: boolean
  /** How soon at the latest a connection ends whose viewer lost access; 20 s unless given. */
  readonly accessCheckMs?: number
}

export interface RunningServer {
  readonly url: string
  /**
   * From now on /readyz and whatever is asked are answered 503, and subscriptions break off so that clients connect
   * again, elsewhere. Settles when the requests that are under way have been answered.
   * @param drainMs how long that is waited for
   */
  drain(drainMs: number): Promise<void>
  /** Ends what is left. */
  close(): Promise<void>
}

// The largest patch is 5 MiB, and JSON may double it; archives come as multipart and have their own limit.
const maxBodyBytes = 16 * 1024 * 1024
const maxArchiveBytes = 210 * 1024 * 1024
const closeGraceMs = 2_000
const defaultAccessCheckMs = 20_000

const notSignedIn = () =>
  new GraphQLError('Not signed in: send a token as `Authorization: Bearer ...`.', {
    extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
  })

const bearer = (header: unknown): string | undefined =>
  typeof header === 'string' ? /^Bearer (\S{1,500})$/i.exec(header)?.[1] : undefined

/** What a client did wrong is said; faults of the server are masked, and logged. */
const toClientError = (services: Services) => (error: unknown, message: string, isDev?: boolean) => {
  const cause = error instanceof GraphQLError ? error.originalError : error
  if (cause instanceof DomainError) {
    const { nodes, source, positions, path } = error instanceof GraphQLError ? error : ({} as Partial<GraphQLError>)
    return new GraphQLError(cause.message, {
      nodes,
      source,
      positions,
      path,
      extensions: { code: cause.code },
    } as never)
  }
  if (cause !== undefined && !(cause instanceof GraphQLError)) services.log.error({ error: cause }, 'request failed')
  return maskError(error, message, isDev)
}

const sayDraining = (response: ServerResponse): void => {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' })
  const message = 'This process is ending, and takes no new work: ask again, and another one answers.'
  response.end(`${JSON.stringify({ errors: [{ message }] })}\n`)
}

const maxBytes = (request: IncomingMessage): number =>
  request.headers['content-type']?.startsWith('multipart/form-data') ? maxArchiveBytes : maxBodyBytes

const sayTooLarge = (request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(413, { 'content-type': 'application/json', connection: 'close' })
  response.end(
    `${JSON.stringify({ errors: [{ message: `The request is larger than ${maxBytes(request)} bytes.` }] })}\n`,
  )
}

/** Serves GraphQL over HTTP, SSE and WebSocket, MCP, archives, and the health endpoints. */
export const startServer = async (options: ServerOptions): Promise<RunningServer> => {
  const { services, feed, health, version } = options
  const findViewer = async (authorization: unknown): Promise<Viewer | undefined> => {
    const secret = bearer(authorization)
    return secret === undefined ? undefined : authenticate(services, secret)
  }
  const contextOf = (viewer: Viewer): GraphQLContext =>
    createGraphQLContext({ viewer, services, feed, version, health })
  using stack = new DisposableStack()
  const access = stack.use(createAccessWatch(services, options.accessCheckMs ?? defaultAccessCheckMs))
  let draining = false
  const streams = new Set<ServerResponse>()
  const noteStream = (stream: ServerResponse) => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    // One that ended in order would be over for its client; one that breaks off is asked for again.
    if (draining) stream.destroy()
  }
  const yoga = createYoga<ServerContext, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: options.graphiql && {
      title: 'Countersign',
      headers: JSON.stringify({ authorization: 'Bearer <token>' }, null, 2),
      defaultQuery: '{\n  viewer { name role }\n  projects { nodes { name status headCommit } }\n}\n',
    },
    renderGraphiQL,
    cors: options.corsOrigins.length > 0 ? { origin: [...options.corsOrigins], credentials: false } : false,
    multipart: true,
    // The size is looked at below, before anything is read; this would turn away archives that may be sent.
    maxRequestBodySize: false,
    maskedErrors: { maskError: toClientError(services), isDev: false },
    logging: false,
    plugins: [
      requireViewer(findViewer, notSignedIn),
      refuseBrokenText(),
      endLostSubscriptions(access),
      noteStreams(noteStream),
    ],
    context: ({ viewer }) => {
      if (!viewer) throw notSignedIn()
      return contextOf(viewer)
    },
  })

  const mcp = serveMcp({ services, feed, version, findViewer, corsOrigins: options.corsOrigins, maxBodyBytes })
  const underWay = new Set<ServerResponse>()
  const answer = (status: number, body: unknown) => ({ status, body: `${JSON.stringify(body)}\n` })
  const endpoints: Readonly<Record<string, () => Promise<{ status: number; body: string }>>> = {
    '/healthz': async () => answer(200, { status: 'ok' }),
    '/readyz': async () => {
      const components = await health()
      const ready = !draining && components.every(({ ok, isNeeded }) => ok || !isNeeded)
      // Without details: this is answered to anybody.
      const shown = components.map(({ name, ok }) => ({ name, ok }))
      return answer(ready ? 200 : 503, { status: ready ? 'ok' : draining ? 'draining' : 'failed', components: shown })
    },
  }

  /** Without a length in its head, a body is read here, and only for those who are signed in. */
  const serveChunked = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await findViewer(request.headers.authorization)) {
      const body = await readBody(request, maxBytes(request))
      if (body === undefined) return sayTooLarge(request, response)
      // Where the HTTP adapter looks for a body that was already read.
      Object.assign(request, { body })
    }
    yoga(request, response)
  }

  const server: Server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    const endpoint = endpoints[path]
    if (endpoint) {
      endpoint().then(
        ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body),
        (error: unknown) => {
          services.log.error({ error }, `${path} failed`)
          response.writeHead(500).end()
        },
      )
      return
    }
    if (draining) return sayDraining(response)
    underWay.add(response)
    response.once('close', () => underWay.delete(response))
    if (isVersionArchive(path)) {
      serveVersionArchive({ services, findViewer, corsOrigins: options.corsOrigins }, path, request, response).catch(
        (error: unknown) => {
          services.log.error({ error }, 'an archive could not be sent')
          if (response.headersSent) response.destroy()
          else response.writeHead(500).end()
        },
      )
      return
    }
    if (isMcp(path)) {
      mcp.serve(request, response).catch((error: unknown) => {
        services.log[response.destroyed ? 'debug' : 'error']({ error }, 'a request over MCP was not answered')
        if (response.headersSent) response.destroy()
        else response.writeHead(500).end()
      })
      return
    }
    if (Number(request.headers['content-length'] ?? 0) > maxBytes(request)) return sayTooLarge(request, response)
    if (request.headers['transfer-encoding'] === undefined) {
      yoga(request, response)
      return
    }
    serveChunked(request, response).catch((error: unknown) => {
      services.log.debug({ error }, 'a request broke off')
      response.destroy()
    })
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const subscriptions = serveWebSockets(server, {
    yoga,
    findViewer,
    contextOf,
    notSignedIn,
    toClientError: (error) => toClientError(services)(error, 'Unexpected error.') as GraphQLError,
    maxMessageBytes: maxBodyBytes,
    access,
  })
  const { port } = server.address() as AddressInfo
  const owned = stack.move()
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${port}`,
    async drain(drainMs) {
      draining = true
      mcp.drain()
      for (const stream of streams) stream.destroy()
      const answered = Promise.all([...underWay].map((response) => once(response, 'close')))
      await Promise.all([subscriptions.close(), Promise.race([answered, delay(drainMs, undefined, { ref: false })])])
    },
    async close() {
      draining = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      mcp.drain()
      await subscriptions.close()
      owned.dispose()
      const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs)
      server.closeIdleConnections()
      await closed
      clearTimeout(timer)
      await mcp.close()
    },
  }
}
