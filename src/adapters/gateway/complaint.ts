import { isFields } from './request-rules.ts'
import type { ErrorBody, WireFormat } from './wire.ts'

/** What is wrong with the request itself is told in the provider's own words: whoever wrote the test needs them. */
const aboutRequest = new Set([400, 413, 422])

const word = /^[\w.-]{1,64}$/

/**
 * What a test is told of an error of the provider's: all of it where it is about the request; otherwise its kind, and
 * words of our own, since the provider's may name the account that the server calls it with.
 * @param text the body of the answer, JSON
 * @returns null when it is no JSON
 */
export const complaintToShow = (
  format: Pick<WireFormat, 'error' | 'provider'>,
  status: number,
  text: string,
): { readonly body: string; readonly kind: string } | null => {
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch {
    return null
  }
  const error = isFields(told) && isFields(told.error) ? told.error : {}
  const kinds = Object.fromEntries(
    ['type', 'code'].flatMap((name) => {
      const value = error[name]
      return typeof value === 'string' && word.test(value) ? [[name, value]] : []
    }),
  )
  const kind = kinds.code ?? kinds.type ?? ''
  if (aboutRequest.has(status)) return { body: text, kind }
  const why = status === 429 ? 'it takes no more calls from this server for now' : 'it did not take this call'
  const { body } = format.error(
    status === 429 ? 'LIMIT' : 'UNREACHABLE',
    `${format.provider} answered ${status}${kind && ` (${kind})`}: ${why}.`,
  )
  const own = Object.fromEntries(Object.entries(kinds).filter(([name]) => name in body.error))
  return { body: JSON.stringify({ ...body, error: { ...body.error, ...own } } satisfies ErrorBody), kind }
}
