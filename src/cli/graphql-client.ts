import { createClient as createSocketClient } from 'graphql-ws'
import { z } from 'zod'

/** A query with the shape of its answer. */
export interface Operation<Data> {
  readonly document: string
  readonly data: z.ZodType<Data>
}

/** A mutation whose field is aliased `outcome` and asks for `... on DomainError { code message }`. */
export interface Mutation<Data> {
  readonly document: string
  readonly outcome: z.ZodType<Data>
}

/** A subscription whose field is aliased `event`. */
export interface Subscription<Data> {
  readonly document: string
  readonly event: z.ZodType<Data>
}

type Variables = Readonly<Record<string, unknown>>

export interface GraphQLClient {
  /** @throws RequestError when the server does not answer, or answers with errors */
  query<Data>(operation: Operation<Data>, variables?: Variables): Promise<Data>
  /** @throws RefusedError when the answer is one of the domain's errors; RequestError as for a query */
  mutate<Data>(mutation: Mutation<Data>, variables?: Variables): Promise<Data>
  /**
   * One connection's worth of a subscription: ends when the server completes it.
   * @throws DroppedError when the connection is lost, RequestError when the server refuses
   */
  subscribe<Data>(subscription: Subscription<Data>, variables: Variables, signal: AbortSignal): AsyncGenerator<Data>
}

export interface ClientOptions {
  /** The server's address without a path. */
  readonly url: string
  readonly token: string
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
}

/** The request failed: it is the client's or the server's fault, not an outcome of the domain. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

/** The server's domain said no. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  /** A stable, upper-case word. */
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The socket was lost; what it carried can be taken up again. */
export class DroppedError extends Error {
  override readonly name = 'DroppedError'
}

const requestMs = 30_000
// Bad request, not signed in, forbidden, subprotocol: trying again changes nothing.
const finalCloseCodes: readonly number[] = [4400, 4401, 4403, 4406]

const refusal = z.object({ code: z.string(), message: z.string() })
const answer = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string() })).optional(),
})

const parseWith = <Data>(shape: z.ZodType<Data>, value: unknown, what: string): Data => {
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  throw new RequestError(`The server's answer to ${what} is not what its schema says: ${z.prettifyError(parsed.error)}`)
}

const nameOf = (document: string): string =>
  /(?:query|mutation|subscription)\s+(\w+)/.exec(document)?.[1] ?? 'a request'

const dataOf = (body: unknown, what: string): unknown => {
  const { data, errors } = parseWith(answer, body, what)
  if (errors && errors.length > 0) throw new RequestError(errors.map((error) => error.message).join('; '))
  return data
}

/** A client of one server's GraphQL API, over HTTP and WebSocket. */
export const createGraphQLClient = ({ url, token, signal }: ClientOptions): GraphQLClient => {
  const endpoint = `${url}/graphql`
  const authorization = `Bearer ${token}`

  const post = async (document: string, variables: Variables): Promise<unknown> => {
    const what = nameOf(document)
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
        body: JSON.stringify({ query: document, variables }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
      })
      const text = await response.text()
      if (!response.headers.get('content-type')?.includes('json')) {
        throw new RequestError(`${endpoint} answered ${what} with HTTP ${response.status} and no JSON.`)
      }
      return dataOf(JSON.parse(text), what)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof RequestError) throw error
      throw new RequestError(`${what}: no answer from ${endpoint}: ${reasonOf(error)}`, { cause: error })
    }
  }

  return {
    async query(operation, variables = {}) {
      return parseWith(operation.data, await post(operation.document, variables), nameOf(operation.document))
    },
    async mutate(mutation, variables = {}) {
      const what = nameOf(mutation.document)
      const { outcome } = parseWith(z.object({ outcome: z.unknown() }), await post(mutation.document, variables), what)
      const refused = refusal.safeParse(outcome)
      if (refused.success) throw new RefusedError(refused.data.code, refused.data.message)
      return parseWith(mutation.outcome, outcome, what)
    },
    async *subscribe(subscription, variables, stop) {
      const what = nameOf(subscription.document)
      // Our own caller reconnects, after the last event that it saw; the library would start over.
      const socket = createSocketClient({
        url: endpoint.replace(/^http/, 'ws'),
        connectionParams: { authorization },
        retryAttempts: 0,
      })
      const results = socket.iterate<unknown>({ query: subscription.document, variables })
      const end = () => void results.return?.()
      stop.addEventListener('abort', end, { once: true })
      try {
        for await (const result of results) {
          const { event } = parseWith(z.object({ event: z.unknown() }), dataOf(result, what), what)
          yield parseWith(subscription.event, event, what)
        }
      } catch (error) {
        if (error instanceof RequestError) throw error
        throw subscriptionError(error, what)
      } finally {
        stop.removeEventListener('abort', end)
        await socket.dispose()
      }
    },
  }
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}

const closeEvent = z.object({ code: z.number(), reason: z.string() })
const graphqlErrors = z.array(z.object({ message: z.string() }))

/** What graphql-ws throws: a CloseEvent, a list of GraphQL errors, or an error of the socket. */
const subscriptionError = (error: unknown, what: string): Error => {
  const refused = graphqlErrors.safeParse(error)
  if (refused.success) return new RequestError(refused.data.map(({ message }) => message).join('; '))
  const closed = closeEvent.safeParse(error)
  if (closed.success && finalCloseCodes.includes(closed.data.code)) {
    return new RequestError(`${what} was refused: ${closed.data.reason || `code ${closed.data.code}`}`)
  }
  const why = closed.success ? `closed with ${closed.data.code} ${closed.data.reason}`.trim() : reasonOf(error)
  return new DroppedError(`The connection of ${what} was lost: ${why}`, { cause: error })
}
