import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { writeArchive } from '../adapters/archives/write-archive.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import type { Services } from '../domain/shared/services.ts'
import { readContents } from '../domain/version/read-contents.ts'
import type { AnswerMcp, McpEndpoint } from '../mcp/handler.ts'
import type { ToolContext } from '../mcp/tool.ts'
import { foreignPage } from './foreign-page.ts'
import { brokenText } from './plugins.ts'
import type { Quota } from './quota.ts'
import { makeRoom, readInRoom } from './request-bodies.ts'
import { answerOrigin, type OriginRules, refuse } from './respond.ts'
import type { Route } from './route.ts'
import type { SignIn } from './sign-in.ts'

export interface McpServing {
  readonly services: Services
  readonly feed: EventFeed
  readonly version: string
  readonly signIn: SignIn
  /** The pages of other origins that may ask. */
  readonly corsOrigins: readonly string[]
  readonly maxBodyBytes: number
  /** The bytes of what each token sends. */
  readonly bodies: Quota<string>
}

export interface ServedMcp extends Route {
  /** Calls that wait are answered now. */
  drain(): void
  close(): Promise<void>
}

const originRules: OriginRules = {
  methods: 'POST',
  headers: 'authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, last-event-id',
  exposed: 'mcp-session-id',
}

const headersOf = ({ headers }: IncomingMessage): Headers =>
  new Headers(
    Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )

/** The JSON of a body. @throws Error in words for one that cannot be answered */
const parseBody = (text: Buffer): unknown => {
  const body: unknown = JSON.parse(text.toString('utf8'))
  if (Array.isArray(body)) throw new Error('several messages in one request are not taken: send each by itself')
  const broken = brokenText(body)
  if (broken) throw new Error(`${broken.join('.')} holds half of a surrogate pair, which is no text`)
  return body
}

const parseError = (error: unknown): Response => {
  const message = `The body cannot be read: ${error instanceof Error ? error.message : String(error)}.`
  return Response.json({ jsonrpc: '2.0', id: null, error: { code: -32_700, message } }, { status: 400 })
}

/**
 * Serves `/mcp` to those who are signed in: streamable HTTP, a request at a time. A page of another origin is refused
 * before anything else, also one that has led its own name to this machine: browsers say where a page is from.
 */
export const serveMcp = (options: McpServing): ServedMcp => {
  const { services, feed, version, signIn, corsOrigins, maxBodyBytes: maxBytes, bodies } = options
  const ending = new AbortController()
  let opening: Promise<McpEndpoint> | undefined
  const open = async (): Promise<McpEndpoint> => {
    const { createMcpEndpoint } = await import('../mcp/handler.ts')
    const archive: ToolContext['archive'] = (kept) => writeArchive(readContents(services.git, kept))
    return createMcpEndpoint({ services, feed, version, ending: ending.signal, archive })
  }
  // A tenth of the server's code, for those alone who have agents.
  const answer: AnswerMcp = async (...asked) => {
    opening ??= open()
    return (await opening).answer(...asked)
  }
  const sendBack = async (answer: Response, response: ServerResponse): Promise<void> => {
    if (response.destroyed) return
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    if (answer.body === null) response.end()
    else await pipeline(Readable.fromWeb(answer.body as ReadableStream), response)
  }
  return {
    name: 'MCP',
    answers: (path) => path === '/mcp',
    async serve(request, response) {
      const { origin } = request.headers
      if (origin !== undefined && !corsOrigins.includes(origin)) {
        return refuse(response, foreignPage)
      }
      if (answerOrigin(corsOrigins, originRules, request, response)) return
      const { viewer, refusal } = await signIn(request, request.headers.authorization)
      if (refusal) return refuse(response, refusal)
      const left = new AbortController()
      response.once('close', () => left.abort())
      const init = { method: request.method ?? 'GET', headers: headersOf(request), signal: left.signal }
      const asked = new Request('http://countersign.invalid/mcp', init)
      if (request.method !== 'POST') return sendBack(await answer(asked, viewer, undefined), response)
      const rules = { bodies, tokenId: viewer.tokenId, maxBytes, note: services.measure.refused }
      if (!makeRoom(request, response, rules)) return
      const read = await readInRoom(request, response)
      if (read === undefined) return
      let body: unknown
      try {
        body = parseBody(read)
      } catch (error) {
        return sendBack(parseError(error), response)
      }
      return sendBack(await answer(asked, viewer, body), response)
    },
    drain: () => ending.abort(),
    close: async () => (await opening)?.close(),
  }
}
