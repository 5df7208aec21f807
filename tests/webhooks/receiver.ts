import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A status, or what is done with the answer by hand. */
export type Reaction = number | ((response: ServerResponse, request: IncomingMessage) => void)

/** Somebody's server on loopback, which webhooks are sent to. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly received: Received[]
  /** What it does next: one after the other, and then 204. */
  readonly reactions: Reaction[]
  /** The moment at which it has received so many. */
  arrived(count: number): Promise<void>
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

export const startReceiver = async (): Promise<Receiver> => {
  const received: Received[] = []
  const reactions: Reaction[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const body = await readBody(request)
    received.push({ path: request.url ?? '', headers: request.headers as Record<string, string>, body })
    for (const look of waiting) look()
    const reaction = reactions.shift() ?? 204
    if (typeof reaction === 'number') response.writeHead(reaction).end()
    else reaction(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?from=test`,
    received,
    reactions,
    arrived: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Message {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>> & { readonly cursor: string; readonly projectId: string }
}

/** What was received, if its signature is that of the secret. @throws WebhookVerificationError */
export const verified = (secret: string, { body, headers }: Received): Message =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as Message
