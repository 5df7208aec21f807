import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { type FetchLike, SdkHttpError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
} from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { describeFault } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'
import type { ServerAccess } from '../review/server-access.ts'

export interface BridgeOptions extends ServerAccess {
  readonly stdin: Readable
  readonly stdout: Writable
  /** For the host's log. */
  readonly warn: (text: string) => void
}

export interface Bridge extends AsyncDisposable {
  /** The host has closed its end. */
  readonly closed: Promise<void>
}

// As much as the server takes in one request.
const maxMessageBytes = 16 * 1024 * 1024
/** How long a server that is not there is waited for, as while it restarts. */
const patienceMs = 20_000
const retryMs = 250
// Of what a server says that is none of ours.
const maxQuoted = 500

/** That nobody listens is known before anything was sent: only then is it safe to ask again. */
const nobodyListens = (error: unknown): boolean => {
  const { cause } = error as { cause?: { code?: unknown; errors?: readonly { code?: unknown }[] } }
  return [cause, ...(cause?.errors ?? [])].some((each) => each?.code === 'ECONNREFUSED')
}

const patientFetch: FetchLike = async (url, init) => {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      return await fetch(url, init)
    } catch (error) {
      if (!nobodyListens(error) || performance.now() > until) throw error
      await pause(retryMs, undefined, init?.signal ? { signal: init.signal } : {})
    }
  }
}

/** Why a request has no answer, and what to do. */
const wordsOf = (error: unknown, url: string): string => {
  if (error instanceof SdkHttpError) {
    if (error.status === 401) return `${url} does not know the token: give one that holds in --token-file.`
    return `${url} answered with the status ${error.status}: ${error.message.slice(0, maxQuoted)}`
  }
  return `${url} did not answer: ${describeFault(error, { stack: false })}. Make the call again.`
}

const lostWords = (url: string): string =>
  `The connection to ${url} was lost before the answer came, and what was asked may have been done. Make the call again: with the same clientMutationId nothing is made twice.`

/**
 * Joins a host's stdio to a server's `/mcp`. It knows no tools: messages go through as they are, so that there is one
 * implementation of each. The server keeps nothing between two requests, so either side may restart.
 */
export const openBridge = async ({ url, token, stdin, stdout, warn }: BridgeOptions): Promise<Bridge> => {
  const host = new StdioServerTransport(stdin, stdout, { maxBufferSize: maxMessageBytes })
  const server = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: patientFetch,
  })
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  /** Requests of the host that have no answer yet. */
  const asked = new Map<RequestId, { readonly method: string; readonly stop: AbortController }>()

  const tellHost = (message: JSONRPCMessage): void => {
    // A host that is gone is told by `onclose`.
    host.send(message).catch(() => close())
  }
  const fail = (id: RequestId, message: string): void => {
    if (!asked.delete(id)) return
    warn(visibleLine(message))
    tellHost({ jsonrpc: '2.0', id, error: { code: -32_603, message } })
  }
  const ask = async (request: JSONRPCRequest): Promise<void> => {
    const { id, method } = request
    const stop = new AbortController()
    asked.set(id, { method, stop })
    try {
      await server.send(request, { requestSignal: stop.signal, onRequestStreamEnd: () => fail(id, lostWords(url)) })
    } catch (error) {
      fail(id, wordsOf(error, url))
    }
  }
  /** Who takes a request back gets no answer to it. On the way to the server the end of the request says so. */
  const takeBack = (id: unknown): void => {
    const call = asked.get(id as RequestId)
    asked.delete(id as RequestId)
    call?.stop.abort()
  }

  host.onmessage = (message) => {
    if (isJSONRPCRequest(message)) void ask(message)
    else if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled') {
      takeBack(message.params?.requestId)
    } else if (isJSONRPCNotification(message)) {
      // Nobody waits for an answer, and the next request says what is wrong.
      server.send(message).catch(() => undefined)
    }
  }
  host.onclose = close
  host.onerror = (error) => warn(visibleLine(error.message))
  server.onmessage = (message) => {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) {
      const call = message.id === undefined ? undefined : asked.get(message.id)
      if (message.id === undefined || !call) return
      asked.delete(message.id)
      // Later requests of a host that has said hello name the revision that was agreed on in their head.
      const { protocolVersion } = 'result' in message ? (message.result as { protocolVersion?: unknown }) : {}
      if (call.method === 'initialize' && typeof protocolVersion === 'string')
        server.setProtocolVersion(protocolVersion)
    }
    tellHost(message)
  }
  await server.start()
  await host.start()
  return {
    closed,
    async [Symbol.asyncDispose]() {
      for (const { stop } of asked.values()) stop.abort()
      asked.clear()
      await server.close()
      await host.close()
    },
  }
}
