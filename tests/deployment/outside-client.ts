import { setTimeout as pause } from 'node:timers/promises'

export interface OutsideClient {
  /** Asks the first address that takes the connection, as a proxy does. @throws Error when none does, or on errors */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the shape of what it asked for
  query(document: string, variables?: object): Promise<any>
  /** Asks again until the answer is what is waited for. @throws Error when that takes too long */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  until(document: string, variables: object, isThere: (data: any) => boolean): Promise<any>
}

const lookMs = 300
const patienceMs = 240_000
const answerMs = 60_000

const isUnserved = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined
  return (
    cause instanceof Error && ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(`${Reflect.get(cause, 'code')}`)
  )
}

/** A client that knows of a deployment its addresses and a token, and nothing else. */
export const outsideClient = (addresses: readonly string[], token: string): OutsideClient => {
  const send = async (body: string): Promise<Response> => {
    const faults: unknown[] = []
    for (const address of addresses) {
      try {
        return await fetch(`${address}/graphql`, {
          method: 'POST',
          // A connection of its own for each request: one that is kept may be closed just when it is used again.
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, connection: 'close' },
          body,
          signal: AbortSignal.timeout(answerMs),
        })
      } catch (error) {
        if (!isUnserved(error)) throw error
        faults.push(error)
      }
    }
    throw new AggregateError(faults, 'No address takes a connection.')
  }
  const query: OutsideClient['query'] = async (document, variables = {}) => {
    const response = await send(JSON.stringify({ query: document, variables }))
    const { data, errors } = (await response.json()) as { data?: unknown; errors?: readonly { message: string }[] }
    if (errors) throw new Error(`${response.status}: ${errors.map(({ message }) => message).join('; ')}`)
    return data
  }
  return {
    query,
    async until(document, variables, isThere) {
      const endsAt = performance.now() + patienceMs
      for (;;) {
        const data = await query(document, variables)
        if (isThere(data)) return data
        if (performance.now() > endsAt) throw new Error(`It did not come to it: ${JSON.stringify(data)}`)
        await pause(lookMs)
      }
    },
  }
}
