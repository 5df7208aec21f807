/** Signed requests to receivers of webhooks, as Standard Webhooks describes them. */

import { Webhook } from 'standardwebhooks'
import type { WebhookAnswer, WebhookSender } from '../../domain/ports/webhook-sender.ts'
import { type HostRules, hostFault, hostOf, type LookUp, resolveHost } from '../network/public-hosts.ts'
import { post } from './post.ts'

export interface WebhookSenderOptions extends HostRules {
  /** Of https and http, those that may be used. */
  readonly allowedProtocols: readonly string[]
  /** What the requests say they come from. */
  readonly userAgent: string
  /** For a whole attempt, in milliseconds; what tests set otherwise. */
  readonly timeoutMs?: number
  readonly lookUp?: LookUp
}

const defaultTimeoutMs = 10_000
const longestUrl = 2_000

/** The URL taken apart, or what speaks against it. */
type Checked = { readonly url: URL; readonly fault: null } | { readonly url: null; readonly fault: string }

const refused = (fault: string): Checked => ({ url: null, fault })

const checkUrl = (text: string, rules: WebhookSenderOptions): Checked => {
  if (text.length > longestUrl) return refused(`it has more than ${longestUrl} characters`)
  if (!text.isWellFormed() || /[\p{Cc}\p{Z}\\]/u.test(text)) {
    return refused('it has blanks, control characters or backslashes')
  }
  const url = /^[a-z]+:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null) return refused('it is no URL like https://host/path')
  const { allowedProtocols } = rules
  if (!allowedProtocols.includes(url.protocol.slice(0, -1))) {
    const protocol = JSON.stringify(url.protocol.slice(0, -1))
    return refused(`the protocol ${protocol} is not allowed (allowed: ${allowedProtocols.join(', ')})`)
  }
  if (url.username !== '' || url.password !== '') return refused('it carries credentials, and requests are signed')
  if (text.includes('#')) return refused('it has a fragment, which is never sent')
  const fault = hostFault(hostOf(url), rules)
  return fault === null ? { url, fault } : refused(fault)
}

const failed = (error: string): WebhookAnswer => ({ kind: 'FAILED', error })

const judge = (status: number): WebhookAnswer => {
  if (status >= 200 && status < 300) return { kind: 'ACCEPTED' }
  if (status === 410) return { kind: 'GONE', error: 'The receiver answered with 410: it wants nothing any more.' }
  const redirected = status >= 300 && status < 400 ? ', and redirects are not followed' : ''
  return failed(`The receiver answered with ${status}${redirected}.`)
}

/** The system's word for what went wrong, which holds nothing that the receiver sent. */
const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : 'the connection was closed without an answer'
}

/** The promise's value, unless the signal comes first: names are looked up by the system, which nobody can stop. */
const orAborted = async <Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

export const createWebhookSender = (options: WebhookSenderOptions): WebhookSender => {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  return {
    urlFault: (url) => checkUrl(url, options).fault,
    async send({ url: text, secret, id, at, body }, signal) {
      // Again, since configuration may have changed since the URL was stored.
      const { url, fault } = checkUrl(text, options)
      if (url === null) return failed(`The URL cannot be used: ${fault}.`)
      const timeout = AbortSignal.timeout(timeoutMs)
      const either = AbortSignal.any([signal, timeout])
      try {
        const found = await orAborted(resolveHost(hostOf(url), options, options.lookUp), either)
        if (found.addresses === null) return failed(`The URL cannot be used: ${found.fault}.`)
        const headers = {
          'content-type': 'application/json',
          'user-agent': options.userAgent,
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
          'webhook-signature': new Webhook(secret).sign(id, at, body),
        }
        return judge(await post(url, { headers, body, addresses: found.addresses, signal: either }))
      } catch (error) {
        signal.throwIfAborted()
        if (timeout.aborted) return failed(`The receiver did not answer within ${timeoutMs / 1_000} seconds.`)
        return failed(`The receiver could not be reached (${codeOf(error)}).`)
      }
    },
  }
}
