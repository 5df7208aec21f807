import { Agent, request } from 'node:http'

/** What is asked over GraphQL. */
export interface Asked {
  readonly query: string
  readonly variables: object
  readonly operationName?: string
}

/** Asks one server over connections that are kept. */
export interface Requests extends Disposable {
  /** @returns the body. @throws Error for another status than 200, or an answer with errors */
  ask(asked: Asked): Promise<string>
  /** Asks so many times, some at once. @param askedAt what is asked, by its number from 0 */
  repeat(count: number, askedAt: (index: number) => Asked): Promise<void>
}

/** @param atOnce how many requests are under way in `repeat` */
export const openRequests = (url: string, token: string, atOnce = 4): Requests => {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const ask = (asked: Asked) =>
    new Promise<string>((resolve, reject) => {
      const body = JSON.stringify(asked)
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': Buffer.byteLength(body),
        authorization: `Bearer ${token}`,
      }
      const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          if (response.statusCode === 200 && text.startsWith('{"data":{')) resolve(text)
          else reject(new Error(`It answered ${response.statusCode}: ${text.slice(0, 2_000)}`))
        })
      })
      sent.once('error', reject)
      sent.end(body)
    })
  return {
    ask,
    async repeat(count, askedAt) {
      let next = 0
      const goOn = async () => {
        while (next < count) {
          next += 1
          await ask(askedAt(next - 1))
        }
      }
      await Promise.all(Array.from({ length: atOnce }, goOn))
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}
