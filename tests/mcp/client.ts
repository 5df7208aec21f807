import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import { expect } from 'vitest'
import type { TestServer } from '../support/server.ts'

/** What a tool answered. */
export interface ToolAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
  readonly value: any
  readonly isError: boolean
  /** What a model is shown. */
  readonly text: string
  /** The files in the answer, in base64. */
  readonly blobs: readonly string[]
}

export interface Agent extends AsyncDisposable {
  readonly client: Client
  /** Calls a tool. @throws Error where the answer is no tool's */
  call(name: string, args?: object, signal?: AbortSignal): Promise<ToolAnswer>
}

/** The SDK's own client at the end of a transport. `legacy` speaks as clients did before the revision of 2026-07-28. */
export const connectAgent = async (
  transport: Transport,
  options: { readonly legacy?: boolean } = {},
): Promise<Agent> => {
  const client = new Client(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: options.legacy ? 'legacy' : { pin: '2026-07-28' } } },
  )
  await client.connect(transport)
  return {
    client,
    async call(name, args = {}, signal) {
      const result = await client.callTool({ name, arguments: { ...args } }, signal ? { signal } : {})
      const texts = result.content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      const blobs = result.content.flatMap((part) =>
        part.type === 'resource' && 'blob' in part.resource ? [part.resource.blob] : [],
      )
      return { value: result.structuredContent, isError: result.isError === true, text: texts.join('\n'), blobs }
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/** The same over HTTP. */
export const agentAt = (url: string, token: string, options: { readonly legacy?: boolean } = {}): Promise<Agent> =>
  connectAgent(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
    options,
  )

/** Until so many calls wait on the server for something to happen. */
export const untilWaiting = (server: TestServer, count: number): Promise<void> =>
  expect.poll(() => server.context.feed.subscribers(), { timeout: 30_000 }).toBe(count)
