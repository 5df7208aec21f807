/** Which remotes git may be sent to. The URL is taken apart and put together again: git sees only what was checked. */

import { SourceRejectedError } from '../../domain/errors.ts'
import { type HostRules, hostFault, hostOf, mayBeInside, resolveHost } from '../network/public-hosts.ts'

export interface RemoteRules extends HostRules {
  /** Of https, http, ssh and file, those that may be used. */
  readonly allowedProtocols: readonly string[]
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
  const host = hostOf(url)
  const fault = hostFault(host, rules)
  if (fault !== null) throw rejected(fault)
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
  const { addresses, fault } = await resolveHost(remote.host, rules)
  if (fault !== null) throw rejected(fault)
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

function rejected(why: string): SourceRejectedError {
  return new SourceRejectedError(`This remote cannot be used: ${why}.`)
}
