import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** What a proxy or a client may call a request: a word that does nothing in a log, a header or a query. */
const plainToken = /^[\w.-]{1,64}$/

/** The request's own id where it has a plain one, otherwise a new one. */
export const requestIdOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string => {
  const given = headers['x-request-id']
  return typeof given === 'string' && plainToken.test(given) ? given : randomUUID()
}
