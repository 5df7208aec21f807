import type { IncomingMessage } from 'node:http'
import { authenticate } from '../domain/actor/authenticate.ts'
import { tokenSecretHash } from '../domain/actor/token-secret.ts'
import type { Viewer } from '../domain/actor/viewer.ts'
import type { Services } from '../domain/shared/services.ts'
import { callerAddress } from './caller-address.ts'
import { failedSignInShare, maxRememberedCallers, type RateRules } from './limits.ts'
import { createAllowances } from './rate-limit.ts'
import type { Refusal } from './respond.ts'

export type SignedIn =
  | { readonly viewer: Viewer; readonly refusal?: never }
  | { readonly viewer?: never; readonly refusal: Refusal }

/**
 * Says who asks, by a header like `Bearer <token>`, or why they are not answered. Each call counts as a request of the
 * token, or of the address where there is none.
 */
export type SignIn = (request: IncomingMessage, authorization: unknown) => Promise<SignedIn>

export const notSignedIn: Refusal = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'Not signed in: send a token as `Authorization: Bearer ...`.',
  headers: { 'www-authenticate': 'Bearer' },
}

const tooMany = (message: string, seconds: number): Refusal => ({
  status: 429,
  code: 'RATE_LIMITED',
  message: `${message} Ask again in ${seconds} s.`,
  headers: { 'retry-after': String(seconds) },
})

const bearer = (header: unknown): string | undefined =>
  typeof header === 'string' ? /^Bearer (\S{1,500})$/i.exec(header)?.[1] : undefined

/** Counts what this process is asked; other processes count for themselves. */
export const createSignIn = (services: Services, rules: RateRules): SignIn => {
  const { requestsPerMinute, trustedProxies } = rules
  const viewerOf = (secret: string | undefined) => (secret === undefined ? undefined : authenticate(services, secret))
  if (requestsPerMinute === 0) {
    return async (_request, authorization) => {
      const viewer = await viewerOf(bearer(authorization))
      return viewer ? { viewer } : { refusal: notSignedIn }
    }
  }
  // Apart, so that strangers push no token out.
  const tokens = createAllowances(requestsPerMinute, maxRememberedCallers)
  const addresses = createAllowances(requestsPerMinute, maxRememberedCallers)
  const failedSignIn = Math.max(1, Math.round(requestsPerMinute * failedSignInShare))
  const tooManyOfToken = (seconds: number) =>
    tooMany(`More than ${requestsPerMinute} requests a minute came with this token.`, seconds)
  const tooManyOfAddress = (seconds: number) =>
    tooMany('Too many requests without a valid token came from your address.', seconds)

  const look = async (
    request: IncomingMessage,
    secret: string | undefined,
    token: string | undefined,
  ): Promise<SignedIn> => {
    // Whose token was good a moment ago is not kept out by others at the same address, which may be a proxy's.
    const isKnown = token !== undefined && tokens.has(token)
    const address = isKnown ? '' : callerAddress(request, trustedProxies)
    const cost = token === undefined ? 1 : failedSignIn
    // Before the token is looked up, so that guesses that are sent at once count as well.
    const seconds = isKnown ? tokens.take(token, 1) : addresses.take(address, cost)
    if (seconds > 0) return { refusal: isKnown ? tooManyOfToken(seconds) : tooManyOfAddress(seconds) }
    let viewer: Viewer | undefined
    try {
      viewer = await viewerOf(secret)
    } catch (error) {
      if (!isKnown) addresses.giveBack(address, cost)
      throw error
    }
    if (!viewer || token === undefined) {
      if (isKnown) tokens.forget(token)
      return { refusal: notSignedIn }
    }
    if (isKnown) return { viewer }
    addresses.giveBack(address, cost)
    const wait = tokens.take(token, 1)
    return wait > 0 ? { refusal: tooManyOfToken(wait) } : { viewer }
  }

  /** Settle once it is known whether a token is good that nobody has come with before. */
  const firstLooks = new Map<string, Promise<unknown>>()
  return async (request, authorization) => {
    const secret = bearer(authorization)
    const token = secret === undefined ? undefined : tokenSecretHash(secret)
    if (token === undefined || tokens.has(token)) return look(request, secret, token)
    const earlier = firstLooks.get(token)
    if (earlier) {
      // After a restart many come with it at once: none of them counts as a guess because it came first.
      await earlier
      return look(request, secret, token)
    }
    const own = look(request, secret, token)
    const known = own.then(
      () => firstLooks.delete(token),
      () => firstLooks.delete(token),
    )
    firstLooks.set(token, known)
    return own
  }
}
