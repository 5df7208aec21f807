import type { IncomingMessage } from 'node:http'
import type { Refusal } from './respond.ts'

export const foreignPage: Refusal = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'Pages of this origin may not ask here; CORS_ORIGINS says which may.',
}

/**
 * Whether a browser says that a page of an origin that may not ask here has sent this. Programs that are no browsers
 * say nothing of it.
 */
export const isFromForeignPage = ({ headers }: IncomingMessage, allowedOrigins: readonly string[]): boolean => {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (origin !== undefined && allowedOrigins.includes(origin)) return false
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  // By the host alone: behind a proxy the scheme is not known.
  return origin !== undefined && URL.parse(origin)?.host !== host
}
