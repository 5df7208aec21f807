/** Which remotes git may be sent to. The URL is taken apart and put together again: git sees only what was checked. */

import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { SourceRejectedError } from '../../domain/errors.ts'

export interface RemoteRules {
  /** Of https, http, ssh and file, those that may be used. */
  readonly allowedProtocols: readonly string[]
  /** Host names in lower case; null allows every public one. A host that is named may be in a private network. */
  readonly allowedHosts: readonly string[] | null
  /** Loopback, link-local and private networks, whatever the name. */
  readonly allowPrivateHosts: boolean
}

export interface RemoteUrl {
  readonly protocol: string
  readonly url: string
  /** Null for a file. */
  readonly host: string | null
  readonly port: number | null
}

export interface RemoteAddress {
  /** To which the connection must be made; empty when every address will do. */
  readonly addresses: readonly string[]
}

const defaultPorts: Readonly<Record<string, number | null>> = { https: 443, http: 80, ssh: 22, file: null }

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** @throws SourceRejectedError */
export function parseRemoteUrl(text: string, rules: RemoteRules): RemoteUrl {
  if (text.length > 2000 || !text.isWellFormed() || /[\p{Cc}\p{Z}\\]/u.test(text)) {
    throw rejected('it is too long, or has blanks, control characters or backslashes')
  }
  if (text.startsWith('-')) throw rejected('it begins with a dash')
  const url = asUrl(text)
  const protocol = url.protocol.slice(0, -1)
  const defaultPort = defaultPorts[protocol]
  if (defaultPort === undefined || !rules.allowedProtocols.includes(protocol)) {
    throw rejected(
      `the protocol ${JSON.stringify(protocol)} is not allowed (allowed: ${rules.allowedProtocols.join(', ')})`,
    )
  }
  if (url.search !== '' || url.hash !== '') throw rejected('it has a query or fragment')
  if (url.password !== '' || (url.username !== '' && protocol !== 'ssh')) {
    throw rejected('it carries credentials, which belong elsewhere')
  }
  if (protocol === 'file') return fileUrl(url)
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(host) === 0 && !hostName.test(host)) throw rejected('its host is no valid name')
  // A name is looked up when it is fetched from; what says by itself that it is not public is refused at once.
  if (!mayBeInside(host, rules) && (host === 'localhost' || host.endsWith('.localhost') || isInside(host))) {
    throw rejected(`the host ${host} is not in a public network`)
  }
  if (rules.allowedHosts !== null && !rules.allowedHosts.includes(host))
    throw rejected(`the host ${host} is not allowed`)
  if (protocol === 'ssh' && !/^[A-Za-z0-9_][\w.-]{0,63}$/.test(url.username || 'git')) {
    throw rejected('its user is no valid name')
  }
  if (url.pathname.length < 2 || url.pathname.startsWith('/-')) throw rejected('it names no repository')
  const port = url.port === '' ? defaultPort : Number(url.port)
  return { protocol, url: url.href, host, port }
}

/**
 * Looks the host up once and gives the addresses to connect to, so that a name cannot mean something else a moment later.
 * @throws SourceRejectedError when one of them is not public
 */
export async function resolveRemote(remote: RemoteUrl, rules: RemoteRules): Promise<RemoteAddress> {
  if (remote.host === null || mayBeInside(remote.host, rules)) return { addresses: [] }
  const { host } = remote
  let found: readonly { address: string }[]
  try {
    found = isIP(host) ? [{ address: host }] : await lookup(host, { all: true, verbatim: true })
  } catch (error) {
    throw rejected(`the host ${host} cannot be found (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`)
  }
  const addresses = found.map(({ address }) => address)
  const inside = addresses.find(isInside)
  if (inside !== undefined || addresses.length === 0) throw rejected(`the host ${host} is not in a public network`)
  return { addresses }
}

/** `git@host:path` is how ssh URLs are mostly written. */
function asUrl(text: string): URL {
  const [, user, host, path] = text.match(/^([A-Za-z0-9_][\w.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)(.+)$/) ?? []
  const isShort = user !== undefined && host !== undefined && path !== undefined
  const absolute = isShort ? `ssh://${user}@${host}/${path.replace(/^\/+/, '')}` : text
  if (!isShort && !/^[a-z]+:\/\//i.test(text)) throw rejected('it is no URL')
  try {
    return new URL(absolute)
  } catch {
    throw rejected('it is no URL')
  }
}

function fileUrl(url: URL): RemoteUrl {
  if (url.host !== '') throw rejected('a file URL has no host')
  return { protocol: 'file', url: url.href, host: null, port: null }
}

/** Whoever names a host in the configuration means it, wherever it is. */
function mayBeInside(host: string, rules: RemoteRules): boolean {
  return rules.allowPrivateHosts || (rules.allowedHosts?.includes(host) ?? false)
}

function isInside(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && notPublic().check(address, version === 6 ? 'ipv6' : 'ipv4')
}

function notPublic(): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ] as const) {
    list.addSubnet(network, prefix, 'ipv4')
  }
  for (const [network, prefix] of [
    ['::', 96],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
    ['5f00::', 16],
    ['fc00::', 7],
    ['fe80::', 9],
    ['ff00::', 8],
  ] as const) {
    list.addSubnet(network, prefix, 'ipv6')
  }
  return list
}

function rejected(why: string): SourceRejectedError {
  return new SourceRejectedError(`This remote cannot be used: ${why}.`)
}
