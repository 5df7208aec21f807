import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** The eight groups of an address of version 6. */
const groupsOf = (address: string): readonly string[] => {
  // Written out by the URL parser, which shortens zeros in one way only.
  const host = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = host.split('::')
  const front = head.split(':').filter((group) => group !== '')
  const back = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return [...front, ...zeros, ...back]
}

const mapped = '0:0:0:0:0:ffff'

/** An address as one caller: whoever has one of version 6 has a /64 of them, unless it is one of version 4 in that form. */
const asCaller = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIP(plain) !== 6) return plain
  const groups = groupsOf(plain.split('%', 1)[0] ?? '')
  if (groups.slice(0, 6).join(':') !== mapped) return `${groups.slice(0, 4).join(':')}::/64`
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((pair) => [pair >> 8, pair & 255])
    .join('.')
}

/**
 * Who sent a request, as far as can be believed.
 * @param trustedProxies how many proxies stand before this server: each has added who asked it at the end of
 *   X-Forwarded-For, and everything before that was written by the caller
 */
export const callerAddress = ({ headers, socket }: IncomingMessage, trustedProxies: number): string => {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const claimed = trustedProxies > 0 ? forwarded.at(-trustedProxies)?.trim() : undefined
  return asCaller(claimed !== undefined && isIP(claimed) ? claimed : (socket.remoteAddress ?? 'unknown'))
}
