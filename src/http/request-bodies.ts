import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { bodyLimits } from './limits.ts'
import type { Quota } from './quota.ts'
import { type Refusal, refuse, tooLarge } from './respond.ts'

const tooBusy: Refusal = {
  status: 503,
  code: 'TOO_BUSY',
  message: `Requests of ${bodyLimits.all} bytes are under way here, or of ${bodyLimits.each} with your token, which is what this process takes at once: ask again.`,
  headers: { 'retry-after': '5', connection: 'close' },
}

export interface BodyRules {
  readonly bodies: Quota<string>
  /** Whose they are counted as. */
  readonly tokenId: string
  readonly maxBytes: number
  /** Is told the code of a refusal. */
  readonly note: (code: string) => void
}

/**
 * Makes room for the body of a request, until it is answered. One whose length is not known is measured as it is read,
 * and refused where it turns out to be too much.
 * @returns whether it may be read; otherwise it was refused
 */
export const makeRoom = (
  request: IncomingMessage,
  response: ServerResponse,
  { bodies, tokenId, maxBytes, note }: BodyRules,
): boolean => {
  let counted: number = bodyLimits.small
  const taken: (() => void)[] = []
  response.once('close', () => {
    for (const giveBack of taken) giveBack()
  })
  const refuseAs = (refusal: Refusal): false => {
    if (response.headersSent || response.destroyed) return false
    note(refusal.code)
    refuse(response, refusal)
    return false
  }
  const growTo = (size: number): boolean => {
    if (size > maxBytes) return refuseAs(tooLarge(maxBytes))
    if (size <= counted) return true
    // What has ended gives nothing back any more.
    const giveBack = response.destroyed ? undefined : bodies.take(tokenId, size - counted)
    if (!giveBack) return refuseAs(tooBusy)
    counted = size
    taken.push(giveBack)
    return true
  }
  if (request.headers['transfer-encoding'] === undefined) {
    return growTo(Number(request.headers['content-length'] ?? 0))
  }
  const read = async function* () {
    let size = 0
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length
      if (!growTo(size)) throw new Error('The body of a request was refused while it was read.')
      yield chunk
    }
  }
  // Where the HTTP adapter looks for a body; it would count the bytes of one that was read as if each had a name.
  Object.assign(request, { body: Readable.from(read()) })
  return true
}

/** The body of a request that room was made for; undefined when it was refused while it was read. */
export const readInRoom = async (
  request: IncomingMessage & { readonly body?: Readable },
  response: ServerResponse,
): Promise<Buffer | undefined> => {
  try {
    return await buffer(request.body ?? request)
  } catch (error) {
    if (response.headersSent) return undefined
    throw error
  }
}
