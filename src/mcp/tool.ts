import type { CallToolResult, McpServer, ServerContext, ToolCallback } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { EventFeed } from '../domain/ports/event-feed.ts'
import { fenceData } from '../domain/shared/fence-data.ts'
import type { Services } from '../domain/shared/services.ts'
import type { VersionRow } from '../domain/version/version.entity.ts'
import { toToolError } from './tool-errors.ts'

/** What every call of a tool gets: who asks, and what answers. */
export interface ToolContext {
  readonly viewer: Viewer
  readonly services: Services
  readonly feed: EventFeed
  /** A version as a tar.gz. */
  readonly archive: (version: VersionRow) => AsyncIterable<Uint8Array>
  /** Aborted when the caller has left, and when the server is about to end: a tool that waits answers then. */
  readonly stop: AbortSignal
}

/** What a tool answers. */
export interface Reply<Value> {
  readonly value: Value
  /**
   * Long texts of others, by the label of their fence: a reader of the answer's text gets them as they are. Members of
   * the value whose names are labels are left out of its JSON there.
   */
  readonly texts?: Readonly<Record<string, string | null>>
  /** Files, for programs. */
  readonly files?: readonly { readonly uri: string; readonly mimeType: string; readonly content: Buffer }[]
}

/** How a host may treat a tool. All of them work on this server alone. */
export const reads = { readOnlyHint: true, openWorldHint: false } as const
export const adds = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const
export const changes = { ...adds, destructiveHint: true, idempotentHint: true } as const

interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  /** In snake_case. */
  readonly name: string
  readonly title: string
  /** For a model that has to choose. */
  readonly description: string
  readonly annotations: typeof reads | typeof adds | typeof changes
  readonly input: Input
  readonly output: Output
  /** Calls a command or query of the domain. @throws DomainError, which is answered as such */
  run(context: ToolContext, input: z.output<Input>): Promise<Reply<z.output<Output>>>
}

/** A tool with the types of its input and output behind it. */
export interface Tool {
  readonly name: string
  register(server: McpServer, contextOf: (stop: AbortSignal) => ToolContext): void
}

const toResult = <Value extends object>({ value, texts = {}, files = [] }: Reply<Value>): CallToolResult => {
  const head = Object.fromEntries(Object.entries(value).filter(([name]) => !(name in texts)))
  const fenced = Object.entries(texts).flatMap(([label, text]) => (text === null ? [] : [fenceData(label, text)]))
  return {
    content: [
      { type: 'text', text: [fenceData('tool_result', JSON.stringify(head, null, 1)), ...fenced].join('\n') },
      ...files.map(({ uri, mimeType, content }) => ({
        type: 'resource' as const,
        resource: { uri, mimeType, blob: content.toString('base64') },
      })),
    ],
    structuredContent: { ...value },
  }
}

export const defineTool = <Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: ToolDefinition<Input, Output>,
): Tool => ({
  name: tool.name,
  register(server, contextOf) {
    const { title, description, annotations, input, output } = tool
    const config = { title, description, annotations, inputSchema: input, outputSchema: output }
    const call = async (given: z.output<Input>, { mcpReq }: ServerContext): Promise<CallToolResult> => {
      const context = contextOf(mcpReq.signal)
      try {
        const facts = { operation: `tools/call ${tool.name}` }
        return toResult(await context.services.tracer.span('operation', facts, () => tool.run(context, given)))
      } catch (error) {
        return toToolError(error, context.services.log)
      }
    }
    // The types of the SDK cannot follow a schema that is a parameter.
    server.registerTool(tool.name, config, call as ToolCallback<Input>)
  },
})
