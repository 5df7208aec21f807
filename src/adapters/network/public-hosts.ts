/** To which hosts this server connects when somebody names one: public ones, and those that its configuration names. */

import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'

export interface HostRules {
  /** Host names in lower case; null allows every public one. A host that is named may be in a private network. */
  readonly allowedHosts: readonly string[] | null
  /** Loopback, link-local and private networks, whatever the name. */
  readonly allowPrivateHosts: boolean
}

/** All addresses that a host's name has now. Rejects when there is none. */
export type LookUp = (host: string) => Promise<readonly string[]>

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

// A check of an IPv4 address in IPv6's form (::ffff:0:0/96) asks the rules of IPv4.
const notPublic = new BlockList()
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
  notPublic.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0:0', 96],
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
  notPublic.addSubnet(network, prefix, 'ipv6')
}

/** A URL's host as names are compared: in lower case, an IPv6 address without its brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').toLowerCase()

const isInside = (address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && notPublic.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** Whoever names a host in the configuration means it, wherever it is. */
export const mayBeInside = (host: string, rules: HostRules): boolean =>
  rules.allowPrivateHosts || (rules.allowedHosts?.includes(host) ?? false)

/**
 * What a host's name says against it by itself; null when it is to be looked up.
 * @param host as `hostOf` gives it
 * @returns the reason, as words to be put after "because"
 */
export const hostFault = (host: string, rules: HostRules): string | null => {
  if (isIP(host) === 0 && !hostName.test(host)) return 'its host is no valid name'
  if (!mayBeInside(host, rules) && (host === 'localhost' || host.endsWith('.localhost') || isInside(host))) {
    return `the host ${host} is not in a public network`
  }
  return rules.allowedHosts === null || rules.allowedHosts.includes(host) ? null : `the host ${host} is not allowed`
}

const lookUpAll: LookUp = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)

/** The addresses to connect to, or why there are none. */
export type HostAddresses =
  | { readonly addresses: readonly string[]; readonly fault: null }
  | { readonly addresses: null; readonly fault: string }

/**
 * Looks a host up once and gives the addresses to connect to, so that a name cannot mean something else a moment later.
 * One address that is not public is one too many, unless the rules let the host be anywhere.
 */
export const resolveHost = async (
  host: string,
  rules: HostRules,
  lookUp: LookUp = lookUpAll,
): Promise<HostAddresses> => {
  let addresses: readonly string[]
  try {
    addresses = isIP(host) ? [host] : await lookUp(host)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    return { addresses: null, fault: `the host ${host} cannot be found (${code})` }
  }
  const allowed = addresses.length > 0 && (mayBeInside(host, rules) || !addresses.some(isInside))
  return allowed
    ? { addresses, fault: null }
    : { addresses: null, fault: `the host ${host} is not in a public network` }
}
