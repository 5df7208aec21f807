import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pLimit from 'p-limit'
import type { CallBook, ModelGateway, OpenGateway } from '../../domain/ports/model-gateway.ts'
import type { Provider } from '../../domain/ports/model-provider.ts'
import type { Logger } from '../../domain/shared/services.ts'
import { formatOf, notOffered } from './formats.ts'
import { parseRequest, readRequest } from './read-request.ts'
import { sendCall, sendFault, sendJson } from './send-call.ts'
import { makeSocketPlace, sweepSocketPlaces } from './socket-place.ts'
import type { Target } from './wire.ts'

export interface GatewayOptions {
  /** Where the configured providers are. */
  readonly targets: Readonly<Partial<Record<Provider, Target>>>
  readonly log: Logger
}

/** The port inside a sandbox: below those that systems give to whoever asks for any. */
const doorPort = 8_430

/** What one test may ask of the server itself; beyond that its gateway is closed. */
const most = { connections: 32, calls: 4, waiting: 64, requests: 2_000, attempts: 20_000 } as const

/** Leads tests to the configured providers, each test through a gateway of its own. */
export const createModelGateway = async ({ targets, log }: GatewayOptions): Promise<ModelGateway> => {
  await sweepSocketPlaces()
  return {
    async open(book, isolated) {
      const ended = new AbortController()
      const secret = isolated ? '' : `/${randomBytes(16).toString('hex')}`
      const { server, finished } = serveTest({ targets, log, book, prefix: secret, ended })
      const place = isolated ? await makeSocketPlace() : null
      try {
        server.listen(place === null ? { port: 0, host: '127.0.0.1' } : { path: place.socket })
        await once(server, 'listening')
        // Its directory keeps others out; who runs in the sandbox is another user than the server's.
        if (place !== null) await chmod(place.socket, 0o666)
      } catch (error) {
        await place?.remove()
        throw error
      }
      const port = place === null ? (server.address() as AddressInfo).port : doorPort
      return {
        origin: `http://127.0.0.1:${port}${secret}`,
        door: place && { port: doorPort, socket: place.socket },
        async [Symbol.asyncDispose]() {
          ended.abort()
          await finished()
          await place?.remove()
        },
      } satisfies OpenGateway
    },
  }
}

interface Session extends GatewayOptions {
  readonly book: CallBook
  /** What each path begins with. */
  readonly prefix: string
  readonly ended: AbortController
}

const serveTest = (session: Session) => {
  const { book, ended, log } = session
  const calls = pLimit(most.calls)
  const open = new Set<Promise<void>>()
  let requests = 0
  let attempts = 0
  const server = createServer({
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 5_000,
  })
  const shut = () => {
    ended.abort()
    server.close()
    server.closeAllConnections()
  }
  const endFlood = (what: string) => {
    if (ended.signal.aborted) return
    book.note(`${what}, and its gateway was closed.`)
    shut()
  }
  const attempt = () => {
    attempts += 1
    if (attempts > most.attempts) endFlood(`The test made more than ${most.attempts} connections`)
  }
  server.maxConnections = most.connections
  server.on('connection', attempt)
  server.on('drop', attempt)
  server.on('request', (incoming, response) => {
    requests += 1
    if (requests > most.requests) return endFlood(`The test made more than ${most.requests} requests`)
    const done = answer(session, calls, open.size >= most.waiting, incoming, response)
      .catch((error: unknown) => {
        // A test may leave at any time.
        const isLeft = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
        if (!ended.signal.aborted && !isLeft) log.error({ error }, 'a call of a test failed in the gateway')
        response.destroy()
      })
      .finally(() => open.delete(done))
    open.add(done)
  })
  return {
    server,
    /** Ends what is open, and returns when its outcome is entered. */
    async finished() {
      shut()
      await Promise.all(open)
    },
  }
}

const mostNamed = 20

const notOfferedModel = (model: string, { models: { names } }: Target): string => {
  const others = names.length > mostNamed ? ` and ${names.length - mostNamed} more with a known price` : ''
  return `The model ${model} is not offered to tests. Those that are: ${names.slice(0, mostNamed).join(', ')}${others}.`
}

const answer = async (
  { targets, log, book, prefix, ended }: Session,
  calls: ReturnType<typeof pLimit>,
  isFull: boolean,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const [path = ''] = (incoming.url ?? '').split('?', 1)
  const format = path.startsWith(prefix) ? formatOf(path.slice(prefix.length)) : undefined
  if (format === undefined || incoming.method !== 'POST') {
    const { status, body } = notOffered(path.slice(prefix.length))
    return sendJson(response, status, body)
  }
  if (isFull) {
    // One connection may bring any number, without waiting for an answer.
    const message = `More than ${most.waiting} requests at once.`
    book.note(message)
    return sendFault(response, format, 'LIMIT', message)
  }
  const read = await readRequest(incoming)
  if ('fault' in read) return sendFault(response, format, read.fault, read.message)
  const left = new AbortController()
  response.once('close', () => left.abort())
  const signal = AbortSignal.any([ended.signal, left.signal])
  await calls(async () => {
    if (signal.aborted) return
    const parsed = parseRequest(read.bytes)
    if ('fault' in parsed) return sendFault(response, format, parsed.fault, parsed.message)
    const request = format.read(parsed.body)
    if ('fault' in request) return sendFault(response, format, 'INVALID', request.fault)
    const target = targets[format.provider]
    if (target && !target.models.offers(request.model)) {
      const message = notOfferedModel(request.model, target)
      book.note(message)
      return sendFault(response, format, 'MODEL', message)
    }
    await sendCall({ format, request, incoming, response, target, book, log, signal })
  })
}
