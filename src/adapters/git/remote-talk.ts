/** git on a remote: checked address, credential in the environment, errors in words that may be shown. */

import { isIP } from 'node:net'
import type { Remote } from '../../domain/ports/git-store.ts'
import type { GitConfiguration } from './git-environment.ts'
import { openKeyDirectory, sshEnvironment, withKeyFile } from './remote-ssh.ts'
import { parseRemoteUrl, type RemoteAddress, type RemoteRules, type RemoteUrl, resolveRemote } from './remote-url.ts'
import { remoteError } from './remote-words.ts'
import type { Repository } from './repository.ts'
import { GitCommandError, type GitOutput } from './run-git.ts'

export interface RemoteContext {
  readonly repository: Repository
  readonly rules: RemoteRules
  /** A directory for the keys that ssh reads while it runs. */
  readonly keys: string
  /** For one git process, in milliseconds. */
  readonly timeoutMs: number
}

export interface TalkOptions {
  /** What is tried, for the error: "fetch from". */
  readonly act: string
  /** Exit codes that are answers (default only 0). */
  readonly accept?: readonly number[]
}

/** Runs git with its helpers in one process group, so that nothing goes on when it is stopped. */
export type Talk = (args: readonly string[], options: TalkOptions) => Promise<GitOutput>

/**
 * @throws SourceRejectedError for a URL that configuration does not allow
 * @throws RemoteError (from the talk) when git failed, the signal's reason when it was aborted
 */
export async function withRemote<Result>(
  context: RemoteContext,
  { url, credential }: Remote,
  signal: AbortSignal,
  use: (talk: Talk, remote: RemoteUrl) => Promise<Result>,
): Promise<Result> {
  const remote = parseRemoteUrl(url, context.rules)
  const address = await resolveRemote(remote, context.rules)
  const { repository, timeoutMs } = context
  const token = credential?.kind === 'TOKEN' ? credential : null
  const configuration = transportConfiguration(remote, address, token)
  const talkWith = (keyFile: string | null): Talk => {
    const environment = { GIT_ALLOW_PROTOCOL: remote.protocol, ...sshEnvironment(remote, address, keyFile) }
    return async (args, { act, accept }) => {
      try {
        const run = { args, configuration, environment, outputLimit: 16 * 1024 * 1024, timeoutMs, signal }
        return await repository.git(accept === undefined ? run : { ...run, accept })
      } catch (error) {
        if (!(error instanceof GitCommandError)) throw error
        throw remoteError(act, remote.host ?? remote.url, error.stderr || error.message, credential)
      }
    }
  }
  if (credential?.kind !== 'SSH_KEY' || remote.protocol !== 'ssh') return await use(talkWith(null), remote)
  const keys = openKeyDirectory(context.keys, 2 * timeoutMs)
  return await withKeyFile(keys, repository.directory, credential.privateKey, (file) => use(talkWith(file), remote))
}

function transportConfiguration(
  { protocol, host, port, url }: RemoteUrl,
  { addresses }: RemoteAddress,
  token: { readonly user: string; readonly token: string } | null,
): GitConfiguration {
  const isWeb = protocol === 'https' || protocol === 'http'
  const pinned = host !== null && addresses.length > 0 && isIP(host) === 0
  return [
    [`protocol.${protocol}.allow`, 'always'],
    // A redirect could lead to a host that was not checked, and would get the credential.
    ['http.followRedirects', 'false'],
    // Servers say something every few seconds, also while they think.
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '60'],
    ...(pinned ? ([['http.curloptResolve', `${host}:${port}:${addresses.join(',')}`]] as const) : []),
    ...(isWeb && token !== null ? [authorization(url, token)] : []),
  ]
}

/** For this host alone. Sent at once: without an answer at hand git would ask the terminal. */
function authorization(
  url: string,
  { user, token }: { readonly user: string; readonly token: string },
): readonly [string, string] {
  const basic = Buffer.from(`${user}:${token}`).toString('base64')
  return [`http.${new URL(url).origin}/.extraHeader`, `Authorization: Basic ${basic}`]
}
