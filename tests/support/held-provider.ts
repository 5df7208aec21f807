import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type RehearsalOptions, startRehearsal } from '../../src/adapters/rehearsal/server.ts'

/** A call that was not answered and is still open. */
export interface HeldCall {
  readonly path: string
  readonly body: string
  /** Settles when the caller closes the connection. */
  readonly closed: Promise<void>
  /** Answers it after all. */
  answer(): Promise<void>
}

export interface HeldProvider extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  /** Calls that have come so far. */
  calls(): number
  /** From now on, calls that match are not answered. @returns the first of them, once it has come */
  hold(matches: (path: string, body: string) => boolean): Promise<HeldCall>
  /** From now on, every call is answered; those that are held stay so. */
  release(): void
}

/** Stands before the rehearsal as the providers' address, and keeps calls from it that a test wants to see hang. */
export const startHeldProvider = async (options: RehearsalOptions = {}): Promise<HeldProvider> => {
  const rehearsal = await startRehearsal(options)
  let count = 0
  let holding: { matches: (path: string, body: string) => boolean; held: (call: HeldCall) => void } | undefined
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    const closed = once(response, 'close').then(() => undefined)
    const body = (await buffer(request)).toString()
    count += 1
    const answer = () => pass(request, response, body)
    if (holding?.matches(path, body)) return holding.held({ path, body, closed, answer })
    await answer()
  }
  const pass = async (request: IncomingMessage, response: ServerResponse, body: string) => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) =>
        /^(authorization|x-api-key|content-type|anthropic-)/.test(name),
      ),
    ) as Record<string, string>
    const answer = await fetch(`${rehearsal.anthropicBaseUrl}${request.url ?? ''}`, { method: 'POST', headers, body })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  }
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    env: {
      REHEARSAL: 'never',
      OPENAI_API_KEY: 'test',
      OPENAI_BASE_URL: `${origin}/v1`,
      ANTHROPIC_API_KEY: 'test',
      ANTHROPIC_BASE_URL: origin,
    },
    calls: () => count,
    hold(matches) {
      const { promise, resolve } = Promise.withResolvers<HeldCall>()
      holding = { matches, held: resolve }
      return promise
    },
    release() {
      holding = undefined
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await rehearsal.close()
    },
  }
}
