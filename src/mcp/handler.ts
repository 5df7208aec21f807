import { createMcpHandler, type McpHttpHandler, McpServer } from '@modelcontextprotocol/server'
import type { Viewer } from '../domain/actor/viewer.ts'
import { instructions } from './instructions.ts'
import type { ToolContext } from './tool.ts'
import { tools } from './tools/all.ts'

interface McpOptions extends Pick<ToolContext, 'services' | 'feed' | 'archive'> {
  readonly version: string
  /** Aborted when the server is about to end. */
  readonly ending: AbortSignal
}

/** Answers one request of somebody who is signed in. */
export type AnswerMcp = (request: Request, viewer: Viewer, body: unknown) => Promise<Response>

export interface McpEndpoint {
  readonly answer: AnswerMcp
  close(): Promise<void>
}

/**
 * The tools over the Model Context Protocol, in its revision of 2026-07-28 and those before. Nothing is kept between
 * two requests: each is answered by its own token, so that neither side's restart is noticed.
 */
export const createMcpEndpoint = ({ version, ending, ...parts }: McpOptions): McpEndpoint => {
  const viewers = new WeakMap<Request, Viewer>()
  const handler: McpHttpHandler = createMcpHandler(
    ({ requestInfo }) => {
      const viewer = requestInfo && viewers.get(requestInfo)
      if (!requestInfo || !viewer) throw new Error('A request came without its viewer.')
      const server = new McpServer(
        { name: 'countersign', title: 'Countersign', version },
        { instructions, capabilities: { tools: { listChanged: false } } },
      )
      for (const tool of tools) {
        tool.register(server, (called) => {
          return { ...parts, viewer, stop: AbortSignal.any([called, requestInfo.signal, ending]) }
        })
      }
      return server
    },
    {
      // What a client sent wrong is in the answer to it.
      onerror: (error) => parts.services.log.debug({ error }, 'a request over MCP failed'),
      // The list of tools never changes: there is nothing to listen to.
      maxSubscriptions: 0,
    },
  )
  return {
    async answer(request, viewer, body) {
      viewers.set(request, viewer)
      return handler.fetch(request, { parsedBody: body })
    },
    close: handler.close,
  }
}
