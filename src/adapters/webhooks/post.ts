/** One POST to addresses that were checked: no redirect is followed, no connection kept, and no answer read to its end. */

import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** To one of which the connection is made, whatever the URL's name means by then. */
  readonly addresses: readonly string[]
  readonly signal: AbortSignal
}

// What is said beside the status interests nobody.
const readBytes = 64 * 1024

const lookUpIn =
  (addresses: readonly string[]): LookupFunction =>
  (_host, options, callback) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }))
    const [first] = found
    if (first === undefined) callback(new Error('There is no address to connect to.'), '')
    else if (options.all) callback(null, found)
    else callback(null, first.address, first.family)
  }

/**
 * Sends, and waits for the answer's end, or for as much of it as is read.
 * @returns the status
 * @throws the system's error, or an AbortError
 */
export const post = (url: URL, { headers, body, addresses, signal }: PostOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    let status: number | undefined
    const request = url.protocol === 'https:' ? requestSecure : requestPlain
    const outgoing = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent: false,
      lookup: lookUpIn(addresses),
      signal,
    })
    // Once the status has come, how the rest of the answer ends changes nothing.
    outgoing.on('error', (error) => {
      if (status === undefined) reject(error)
    })
    outgoing.on('response', (incoming) => {
      status = incoming.statusCode
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > readBytes) incoming.destroy()
      })
      incoming.on('error', () => {})
    })
    outgoing.on('close', () => {
      if (status === undefined) reject(new Error('The connection was closed without an answer.'))
      else resolve(status)
    })
    outgoing.end(body)
  })
