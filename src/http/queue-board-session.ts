import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { authenticateAgain } from '../domain/actor/authenticate.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import { UnreadableSecretError } from '../domain/ports/secrets.ts'
import type { Services } from '../domain/shared/services.ts'

/** For how long a browser is signed in, in seconds. */
export const sessionSeconds = 3_600

const cookieName = 'countersign_queues'
const sealContext = 'a session of the queue board'
const session = z.object({ tokenId: z.uuid(), until: z.number() })

const cookieIn = ({ headers }: IncomingMessage): string | undefined =>
  headers.cookie
    ?.split(';')
    .map((pair) => pair.trim().split('='))
    .find(([name]) => name === cookieName)?.[1]

/** A cookie that no script reads, and that goes with requests of the board's own pages alone. */
const cookie = (value: string, seconds: number, path: string, request: IncomingMessage): string => {
  // The one who ends TLS in front of this server says so; who says it in vain gets a cookie that is never sent.
  const isSecure = request.headers['x-forwarded-proto'] === 'https'
  const attributes = [
    `Path=${path}`,
    `Max-Age=${seconds}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(isSecure ? ['Secure'] : []),
  ]
  return [`${cookieName}=${value}`, ...attributes].join('; ')
}

/** @returns the cookie that signs a browser in; any process of the deployment knows it, since all share the key */
export const openSession = (
  { secrets, clock }: Pick<Services, 'secrets' | 'clock'>,
  viewer: Viewer,
  path: string,
  request: IncomingMessage,
): string => {
  const until = clock().getTime() + sessionSeconds * 1_000
  const sealed = secrets.seal(JSON.stringify({ tokenId: viewer.tokenId, until }), sealContext)
  return cookie(encodeURIComponent(sealed), sessionSeconds, path, request)
}

export const endSession = (path: string, request: IncomingMessage): string => cookie('', 0, path, request)

/** Who a request's cookie speaks for, by what their token may now; undefined when it is none, over, or not ours. */
export const readSession = async (services: Services, request: IncomingMessage): Promise<Viewer | undefined> => {
  const value = cookieIn(request)
  if (!value) return undefined
  try {
    const { tokenId, until } = session.parse(JSON.parse(services.secrets.open(decodeURIComponent(value), sealContext)))
    return until > services.clock().getTime() ? await authenticateAgain(services, tokenId) : undefined
  } catch (error) {
    if (error instanceof UnreadableSecretError || error instanceof URIError) return undefined
    throw error
  }
}
