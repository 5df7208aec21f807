import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { UsageError } from '../exit.ts'
import { visibleLine } from '../render/visible-text.ts'
import { localUrl } from '../serve.ts'

export interface ServerAccess {
  readonly url: string
  readonly token: string
}

export interface AccessOptions {
  readonly config: Pick<Config, 'host' | 'port' | 'dataDir' | 'adminToken' | 'remote'>
  /** As the command line gives them. */
  readonly url: string | undefined
  readonly tokenFile: string | undefined
}

const maxTokenBytes = 4_096
const headerToken = /^[\x21-\x7e]+$/

/**
 * Where the server is: the one that is given, or else the one on this machine.
 * @throws UsageError for what is no address of a server
 */
export const findAddress = (
  { host, port, remote }: Pick<Config, 'host' | 'port' | 'remote'>,
  url: string | undefined,
): string => {
  const given = url ?? remote.url
  return given === undefined ? localUrl(`http://${hostInUrl(host)}:${port}`) : readUrl(given)
}

/**
 * Where the server is and who asks. The administrator's own token is only ever sent to the server on this machine.
 * @throws UsageError that says what to give
 */
export const findAccess = async ({ config, url, tokenFile }: AccessOptions): Promise<ServerAccess> => {
  const given = url ?? config.remote.url
  const address = findAddress(config, url)
  if (tokenFile !== undefined) return { url: address, token: await readToken(tokenFile) }
  if (config.remote.token !== undefined)
    return { url: address, token: checked(config.remote.token, 'COUNTERSIGN_TOKEN') }
  if (given !== undefined) {
    throw new UsageError(`Whose token is to be sent to ${address}? Give --token-file FILE, or set COUNTERSIGN_TOKEN.`)
  }
  if (config.adminToken !== undefined) return { url: address, token: config.adminToken }
  return { url: address, token: await readToken(join(config.dataDir, 'admin-token')) }
}

/** Whether a token sent there can be read on the way. */
export const sendsInClear = (url: string): boolean => {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
}

const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** @throws UsageError for what is no address of a server */
const readUrl = (given: string): string => {
  const url = URL.parse(given)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${visibleLine(given)} is no address of a server, like https://countersign.example.com.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('The address of the server has a user or password in it: give a token in --token-file.')
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/graphql$/, '')}`
}

/** @throws UsageError when it cannot be read, or is no token */
const readToken = async (file: string): Promise<string> => {
  const shown = visibleLine(file)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(
      `There is no token to be read in ${shown} (${why}). Start a server here, or give --url and --token-file.`,
    )
  })
  return checked(text.trim(), shown)
}

const checked = (token: string, where: string): string => {
  if (token.length <= maxTokenBytes && headerToken.test(token)) return token
  throw new UsageError(`What is in ${where} is no token: one line of visible characters is expected.`)
}
