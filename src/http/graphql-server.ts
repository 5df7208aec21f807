import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import type { AccessWatch } from '../domain/actor/access-watch.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import { type Measure, unmeasured } from '../domain/ports/measure.ts'
import type { Tracer } from '../domain/ports/tracer.ts'
import type { GraphQLContext } from '../schema/context.ts'
import { schema } from '../schema/index.ts'
import { refusalError, type ToClientError } from './client-errors.ts'
import { createDocumentCache, noErrorCache } from './document-cache.ts'
import { hideSchema } from './introspection.ts'
import type { ApiRules } from './limits.ts'
import { measureOperations } from './measure-operations.ts'
import { limitOperations } from './operation-limits.ts'
import { type PersistedOperations, usePersisted } from './persisted-operations.ts'
import { answerPlain } from './plain-requests.ts'
import { executePlanned } from './planned-execution.ts'
import {
  endLostSubscriptions,
  noteAskedFields,
  refuseBrokenText,
  requireViewer,
  type ServerContext,
} from './plugins.ts'
import type { Quota } from './quota.ts'
import { shareExecutions } from './share-executions.ts'
import { notSignedIn } from './sign-in.ts'
import { countStreams, noteStreams } from './subscription-streams.ts'
import { traceOperations } from './trace-operations.ts'

export interface GraphQLServerOptions {
  readonly rules: ApiRules
  readonly persisted: PersistedOperations
  readonly corsOrigins: readonly string[]
  readonly access: AccessWatch
  /** Those that each token keeps. */
  readonly connections: Quota<string>
  readonly contextOf: (viewer: Viewer) => GraphQLContext
  readonly toClientError: ToClientError
  readonly tracer: Tracer
  /** Is told of responses that go on until their subscription ends. */
  readonly noteStream: Parameters<typeof noteStreams>[0]
  readonly measure: Measure
}

export type GraphQLServer = YogaServerInstance<ServerContext, GraphQLContext>

// Some hundreds of operations, each with what was parsed of it: a hundred times as much memory.
const cachedCharacters = 512 * 1024
const cachedDocumentLength = 16 * 1024

/** Executes GraphQL, over HTTP and server-sent events by itself, and over WebSocket for `serveWebSockets`. */
export const createGraphQLServer = (options: GraphQLServerOptions): GraphQLServer => {
  const { rules, persisted, corsOrigins, access, connections, contextOf, toClientError, noteStream, measure, tracer } =
    options
  return createYoga<ServerContext, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    // What is asked there is answered before: by default the library would say that all is well at another path.
    healthCheckEndpoint: '/healthz',
    landingPage: false,
    graphiql: rules.graphiql && {
      title: 'Countersign',
      headers: JSON.stringify({ authorization: 'Bearer <token>' }, null, 2),
      defaultQuery: '{\n  viewer { name role }\n  projects { nodes { name status headCommit } }\n}\n',
    },
    // Nine megabytes, for those who open the page.
    renderGraphiQL: async (page) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(page),
    cors:
      corsOrigins.length > 0
        ? { origin: [...corsOrigins], credentials: false, exposedHeaders: ['x-request-id'] }
        : false,
    multipart: true,
    // One request is one operation: what is counted is requests.
    batching: false,
    // The route looks at the size before anything is read; this would turn away archives that may be sent.
    maxRequestBodySize: false,
    maskedErrors: { maskError: toClientError, isDev: false },
    logging: false,
    parserAndValidationCache: {
      documentCache: createDocumentCache(cachedCharacters, cachedDocumentLength),
      errorCache: noErrorCache,
    },
    plugins: [
      ...(measure === unmeasured ? [] : [measureOperations(measure)]),
      requireViewer(),
      usePersisted(persisted),
      limitOperations(rules.operations, measure.refused),
      ...(rules.introspection ? [] : [hideSchema()]),
      refuseBrokenText(),
      noteAskedFields(),
      executePlanned(schema),
      countStreams(connections, rules.webSockets.maxPerToken),
      shareExecutions(contextOf),
      endLostSubscriptions(access, measure),
      noteStreams(noteStream),
      ...(tracer.isOn ? [traceOperations(tracer)] : []),
      answerPlain(),
    ],
    context: ({ viewer }) => {
      if (!viewer) throw refusalError(notSignedIn)
      return contextOf(viewer)
    },
  })
}
